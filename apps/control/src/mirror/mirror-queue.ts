import type { Clock } from '@autopilot/sync-contract';
import { sql } from 'kysely';
import type { Store } from '../store/open-store.ts';
import { storedNow } from '../store/stored-time.ts';
import type { MirrorBreak } from './mirror-intake.ts';

/** An event that waits for khala. */
export interface WaitingEvent {
  readonly position: number;
  readonly kind: string;
  readonly payload: string;
  readonly idempotency_key: string;
}

/** The next events of a stream, and what is known of it on khala. */
export interface MirrorHead {
  readonly events: readonly WaitingEvent[];
  readonly epoch: string;
  /** The last sequence that is known to be on khala. */
  readonly after: bigint;
}

/** How much waits, and what was given up. */
export interface MirrorDepth {
  readonly waiting: number;
  /** When the longest waiting event was accepted; undefined when none waits. */
  readonly oldest_accepted_at: number | undefined;
  readonly mirrored_streams: number;
  readonly broken_streams: number;
}

/** The events that wait for khala, as the mirror's writer sees them. */
export interface MirrorQueue {
  /** Streams with waiting events, the longest waiting first. */
  streams(limit: number): Promise<readonly string[]>;
  head(streamId: string, limit: number): Promise<MirrorHead>;
  /** The stream's events up to this position are on khala, the last one with this sequence. */
  settle(streamId: string, position: number, seq: bigint): Promise<void>;
  /** Gives a stream up: what waits of it is forgotten. Returns how many events that were. */
  giveUp(streamId: string, reason: MirrorBreak): Promise<number>;
  depth(): Promise<MirrorDepth>;
  /** Takes or renews the right to write to khala; false while another replica has it. */
  acquire(holder: string, milliseconds: number): Promise<boolean>;
  release(holder: string): Promise<void>;
  /** Forgets everything that waits and mirrors no stream any more. Returns how many events that were. */
  clear(): Promise<number>;
}

const leaseName = 'mirror';

/** A queue in the store. */
export function createMirrorQueue({ db }: Store, clock: Clock): MirrorQueue {
  return {
    async streams(limit) {
      const rows = await db
        .selectFrom('mirror')
        .select('stream_id')
        .groupBy('stream_id')
        .orderBy((e) => e.fn.min('position'))
        .limit(limit)
        .execute();
      return rows.map((row) => row.stream_id);
    },
    async head(streamId, limit) {
      const stream = await db
        .selectFrom('stream')
        .select(['epoch', 'planned_epoch', 'mirror_seq'])
        .where('stream_id', '=', streamId)
        .executeTakeFirst();
      const events = await db
        .selectFrom('mirror')
        .select(['position', 'kind', 'payload', 'idempotency_key'])
        .where('stream_id', '=', streamId)
        .orderBy('position')
        .limit(limit)
        .execute();
      const epoch = stream?.epoch ?? stream?.planned_epoch ?? '';
      return { events, epoch, after: BigInt(stream?.mirror_seq ?? 0) };
    },
    async settle(streamId, position, seq) {
      await db.transaction().execute(async (tx) => {
        await tx.deleteFrom('mirror').where('stream_id', '=', streamId).where('position', '<=', position).execute();
        const set = { mirror_seq: seq.toString() };
        await tx.updateTable('stream').set(set).where('stream_id', '=', streamId).execute();
      });
    },
    giveUp(streamId, reason) {
      return db.transaction().execute(async (tx) => {
        const set = { mirror: 'broken', mirror_reason: reason } as const;
        await tx.updateTable('stream').set(set).where('stream_id', '=', streamId).execute();
        const { numDeletedRows } = await tx
          .deleteFrom('mirror')
          .where('stream_id', '=', streamId)
          .executeTakeFirstOrThrow();
        return Number(numDeletedRows);
      });
    },
    async depth() {
      const events = await db
        .selectFrom('mirror')
        .select((e) => [e.fn.countAll<number>().as('count'), e.fn.min('accepted_at').as('oldest')])
        .executeTakeFirstOrThrow();
      const streams = await db
        .selectFrom('stream')
        .select((e) => ['mirror', e.fn.countAll<number>().as('count')])
        .where('mirror', '!=', 'off')
        .groupBy('mirror')
        .execute();
      const of = (state: string) => streams.find((row) => row.mirror === state)?.count ?? 0;
      return {
        waiting: events.count,
        oldest_accepted_at: events.oldest ?? undefined,
        mirrored_streams: of('on'),
        broken_streams: of('broken'),
      };
    },
    async acquire(holder, milliseconds) {
      const now = storedNow(clock);
      const lease = { holder, until: now + milliseconds };
      const row = await db
        .insertInto('lease')
        .values({ name: leaseName, ...lease })
        .onConflict((c) =>
          c
            .column('name')
            .doUpdateSet(lease)
            .where((e) => e.or([e('lease.holder', '=', holder), e('lease.until', '<', now)])),
        )
        .returning('holder')
        .executeTakeFirst();
      return row?.holder === holder;
    },
    async release(holder) {
      await db.deleteFrom('lease').where('name', '=', leaseName).where('holder', '=', holder).execute();
    },
    clear() {
      return db.transaction().execute(async (tx) => {
        const { numDeletedRows } = await tx.deleteFrom('mirror').executeTakeFirstOrThrow();
        await tx
          .updateTable('stream')
          .set({ mirror: 'off', mirror_reason: sql<null>`null` })
          .where('mirror', '!=', 'off')
          .execute();
        return Number(numDeletedRows);
      });
    },
  };
}
