import type { Clock } from '@autopilot/sync-contract';
import type { Selectable } from 'kysely';
import type { RecentChains } from '../cutover/recent-chains.ts';
import type { AppendReceipt } from '../spacetime/event-sink.ts';
import type { Store } from '../store/open-store.ts';
import type { OutboxTable, StreamRow } from '../store/schema.ts';
import { storedNow } from '../store/stored-time.ts';
import { advanceProgress } from './stream-progress.ts';

/** An event that waits, as the writer takes it. */
export type PendingEvent = Pick<
  Selectable<OutboxTable>,
  'position' | 'stream_id' | 'kind' | 'payload' | 'payload_hash' | 'idempotency_key'
>;

/** An event and where the database has put it. */
export interface Delivery {
  readonly event: PendingEvent;
  readonly receipt: AppendReceipt;
}

/** How much waits. */
export interface OutboxDepth {
  readonly pending: number;
  readonly dead: number;
  /** Streams that a dead event holds up. */
  readonly parked_streams: number;
  /** When the oldest waiting event was accepted; undefined when none waits. */
  readonly oldest_accepted_at: number | undefined;
}

/** The outbox as the writer sees it. */
export interface Outbox {
  /** Streams with waiting events and no dead one, the longest waiting first. */
  drainable(limit: number): Promise<readonly string[]>;
  /** The first waiting events of a stream in order, none when a dead one stands before them. */
  head(streamId: string, limit: number): Promise<readonly PendingEvent[]>;
  /** Stores receipts in one transaction; returns those that were news. */
  deliver(deliveries: readonly Delivery[]): Promise<readonly Delivery[]>;
  /** Marks an event as refused for good, which parks its stream. */
  bury(position: number, code: string, message: string): Promise<void>;
  progress(streamId: string): Promise<StreamRow | undefined>;
  /**
   * The epoch to make a stream with: the planned one for its first life, '' once the database has had that one, because
   * two lives must never share an epoch.
   */
  epochFor(streamId: string): Promise<string>;
  depth(): Promise<OutboxDepth>;
}

/** An outbox in the store. */
export function createOutbox(store: Store, clock: Clock, chains?: RecentChains): Outbox {
  const { db } = store;
  const dead = (streamId?: string) => {
    const query = db.selectFrom('outbox').select('stream_id').where('state', '=', 'dead');
    return streamId === undefined ? query : query.where('stream_id', '=', streamId);
  };
  return {
    async drainable(limit) {
      const rows = await db
        .selectFrom('outbox')
        .select('stream_id')
        .where('state', '=', 'pending')
        .where('stream_id', 'not in', dead())
        .groupBy('stream_id')
        .orderBy((e) => e.fn.min('position'))
        .limit(limit)
        .execute();
      return rows.map((row) => row.stream_id);
    },
    async head(streamId, limit) {
      return db
        .selectFrom('outbox')
        .select(['position', 'stream_id', 'kind', 'payload', 'payload_hash', 'idempotency_key'])
        .where('state', '=', 'pending')
        .where('stream_id', '=', streamId)
        .where('stream_id', 'not in', dead(streamId))
        .orderBy('position')
        .limit(limit)
        .execute();
    },
    async deliver(deliveries) {
      const { news, chained } = await deliver(store, storedNow(clock), deliveries);
      for (const { stream_id, epoch, seq, chain } of chained) chains?.remember(stream_id, epoch, seq, chain);
      return news;
    },
    async bury(position, code, message) {
      await db
        .updateTable('outbox')
        .set({ state: 'dead', error_code: code, error_message: message })
        .where('position', '=', position)
        .where('state', '=', 'pending')
        .execute();
    },
    progress: (streamId) => db.selectFrom('stream').selectAll().where('stream_id', '=', streamId).executeTakeFirst(),
    async epochFor(streamId) {
      const query = db.selectFrom('stream').select(['epoch', 'planned_epoch']).where('stream_id', '=', streamId);
      const row = await query.executeTakeFirst();
      return row?.epoch === null ? (row.planned_epoch ?? '') : '';
    },
    async depth() {
      const rows = await db
        .selectFrom('outbox')
        .select((e) => ['state', e.fn.countAll<number>().as('count'), e.fn.min('accepted_at').as('oldest')])
        .where('state', 'in', ['pending', 'dead'])
        .groupBy('state')
        .execute();
      const parked = await db
        .selectFrom('outbox')
        .select((e) => e.fn.count<number>('stream_id').distinct().as('count'))
        .where('state', '=', 'dead')
        .executeTakeFirstOrThrow();
      const oldest = rows.map((row) => row.oldest).filter((at) => at !== null);
      return {
        pending: rows.find((row) => row.state === 'pending')?.count ?? 0,
        dead: rows.find((row) => row.state === 'dead')?.count ?? 0,
        parked_streams: parked.count,
        oldest_accepted_at: oldest.length === 0 ? undefined : Math.min(...oldest),
      };
    },
  };
}

interface Delivered {
  readonly news: readonly Delivery[];
  /** The chain at each new position, where it is known. */
  readonly chained: readonly { stream_id: string; epoch: string; seq: string; chain: string }[];
}

function deliver(store: Store, now: number, deliveries: readonly Delivery[]): Promise<Delivered> {
  return store.db.transaction().execute(async (tx) => {
    const news: Delivery[] = [];
    const chained: { stream_id: string; epoch: string; seq: string; chain: string }[] = [];
    for (const [streamId, ofStream] of Map.groupBy(deliveries, ({ event }) => event.stream_id)) {
      // Locks the stream's row before the progress is read, for replicas on PostgreSQL.
      await tx.updateTable('stream').set({ updated_at: now }).where('stream_id', '=', streamId).execute();
      const row = await tx.selectFrom('stream').selectAll().where('stream_id', '=', streamId).executeTakeFirstOrThrow();
      let progress = { epoch: row.epoch, last_seq: row.last_seq, chain: row.chain };
      let { delivered, duplicates } = row;
      for (const delivery of ofStream) {
        const { event, receipt } = delivery;
        const { numUpdatedRows } = await tx
          .updateTable('outbox')
          .set({
            state: 'delivered',
            payload: '',
            delivered_at: now,
            outcome: receipt.outcome,
            epoch: receipt.epoch,
            seq: receipt.seq.toString(),
          })
          .where('position', '=', event.position)
          // Another replica may have been faster.
          .where('state', '=', 'pending')
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n) continue;
        progress = advanceProgress(progress, { ...event, epoch: receipt.epoch, seq: receipt.seq });
        const { epoch, last_seq: seq, chain } = progress;
        if (epoch !== null && seq !== null && chain !== null) chained.push({ stream_id: streamId, epoch, seq, chain });
        delivered += 1;
        duplicates += receipt.outcome === 'duplicate' ? 1 : 0;
        news.push(delivery);
      }
      // Khala goes on counting where this epoch begins again: the two no longer stand at the same positions.
      const broken = row.mirror === 'on' && progress.epoch !== null && progress.epoch !== row.planned_epoch;
      const mirror = broken ? ({ mirror: 'broken', mirror_reason: 'epoch' } as const) : {};
      await tx
        .updateTable('stream')
        .set({ ...progress, ...mirror, delivered, duplicates })
        .where('stream_id', '=', streamId)
        .execute();
    }
    return { news, chained };
  });
}
