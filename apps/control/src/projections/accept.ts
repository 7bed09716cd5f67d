import type { Clock, EventDraft, Random } from '@autopilot/sync-contract';
import { sql, type Transaction } from 'kysely';
import { ControlError } from '../errors.ts';
import { randomUuid } from '../issuer/random-id.ts';
import type { MirrorIntake } from '../mirror/mirror-intake.ts';
import type { Store } from '../store/open-store.ts';
import type { OutboxRow, Schema } from '../store/schema.ts';
import { storedNow } from '../store/stored-time.ts';

/** What became of one event of a request. */
export interface AcceptedEvent {
  readonly index: number;
  readonly stream_id: string;
  readonly idempotency_key: string;
  readonly outcome: 'accepted' | 'duplicate';
  /** Where the event is now: `dead` waits for an operator. */
  readonly state: OutboxRow['state'];
  /** Present once the database has it. */
  readonly epoch?: string;
  readonly seq?: string;
}

/** Takes events into the outbox. */
export type Accept = (clientId: string, drafts: readonly EventDraft[]) => Promise<readonly AcceptedEvent[]>;

type Known = Pick<OutboxRow, 'stream_id' | 'idempotency_key' | 'payload_hash' | 'kind' | 'state' | 'epoch' | 'seq'>;

/** What accepting needs. */
export interface AcceptOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Events that may wait for the database. */
  readonly capacity: number;
  readonly mirror: MirrorIntake;
}

/**
 * Accepts all events of a request in one transaction, or none. When the promise resolves they are on disk, for the
 * database and, where there is a mirror, for khala.
 *
 * The function it returns throws {ControlError} `idempotency_conflict` (with `details.items`) when a key is known with
 * another payload, and `outbox_full` when more than `capacity` events wait.
 */
export function createAccept({ store, clock, random, capacity, mirror }: AcceptOptions): Accept {
  return (clientId, drafts) =>
    store.db.transaction().execute(async (tx) => {
      const now = storedNow(clock);
      const streamIds = [...new Set(drafts.map((draft) => draft.stream_id))].sort();
      await lockStreams(tx, streamIds, now, random, mirror.enabled ? 'on' : 'off');
      const known = await findKnown(tx, drafts);
      const fresh: EventDraft[] = [];
      const conflicts: { index: number; code: 'idempotency_conflict'; message: string }[] = [];
      const accepted = drafts.map((draft, index): AcceptedEvent => {
        const { stream_id, idempotency_key } = draft;
        const before = known.get(nameOf(draft));
        if (before === undefined) {
          fresh.push(draft);
          known.set(nameOf(draft), { ...draft, state: 'pending', epoch: null, seq: null });
          return { index, stream_id, idempotency_key, outcome: 'accepted', state: 'pending' };
        }
        if (before.payload_hash !== draft.payload_hash || before.kind !== draft.kind) {
          const message = `The key "${idempotency_key}" of ${stream_id} names another event.`;
          conflicts.push({ index, code: 'idempotency_conflict', message });
        }
        const receipt = before.epoch === null || before.seq === null ? {} : { epoch: before.epoch, seq: before.seq };
        return { index, stream_id, idempotency_key, outcome: 'duplicate', state: before.state, ...receipt };
      });
      if (conflicts.length > 0) {
        const message = `${conflicts.length} keys are taken by other events; nothing was accepted.`;
        throw new ControlError('idempotency_conflict', message, { details: { items: conflicts } });
      }
      if (fresh.length > 0) {
        await insertFresh(tx, clientId, fresh, now, capacity);
        await mirror.take(tx, fresh, now);
      }
      return accepted;
    });
}

function nameOf(event: Pick<Known, 'stream_id' | 'idempotency_key'>): string {
  // A stream id holds no space.
  return `${event.stream_id} ${event.idempotency_key}`;
}

/**
 * Writes the row of each stream, which locks it until the end of the transaction: positions of one stream are then
 * given in the order in which they become visible, also with several replicas on one PostgreSQL.
 */
async function lockStreams(
  tx: Transaction<Schema>,
  streamIds: readonly string[],
  now: number,
  random: Random,
  mirror: 'on' | 'off',
): Promise<void> {
  const times = { created_at: now, updated_at: now };
  await tx
    .insertInto('stream')
    .values(streamIds.map((stream_id) => ({ stream_id, ...times, planned_epoch: randomUuid(random), mirror })))
    .onConflict((c) =>
      c.column('stream_id').doUpdateSet({
        updated_at: now,
        planned_epoch: sql<string>`coalesce(stream.planned_epoch, excluded.planned_epoch)`,
      }),
    )
    .execute();
}

async function findKnown(tx: Transaction<Schema>, drafts: readonly EventDraft[]): Promise<Map<string, Known>> {
  const known = new Map<string, Known>();
  for (const [streamId, ofStream] of Map.groupBy(drafts, (draft) => draft.stream_id)) {
    const keys = ofStream.map((draft) => draft.idempotency_key);
    const rows = await tx
      .selectFrom('outbox')
      .select(['stream_id', 'idempotency_key', 'payload_hash', 'kind', 'state', 'epoch', 'seq'])
      .where('stream_id', '=', streamId)
      .where('idempotency_key', 'in', keys)
      .execute();
    for (const row of rows) known.set(nameOf(row), row);
  }
  return known;
}

async function insertFresh(
  tx: Transaction<Schema>,
  clientId: string,
  drafts: readonly EventDraft[],
  now: number,
  capacity: number,
): Promise<void> {
  const { waiting } = await tx
    .selectFrom('outbox')
    .select((e) => e.fn.countAll<number>().as('waiting'))
    .where('state', 'in', ['pending', 'dead'])
    .executeTakeFirstOrThrow();
  if (waiting + drafts.length > capacity) {
    throw new ControlError('outbox_full', `${waiting} events wait for the database, and no more than ${capacity} may.`);
  }
  const rows = drafts.map((draft) => ({ ...draft, state: 'pending' as const, client_id: clientId, accepted_at: now }));
  await tx.insertInto('outbox').values(rows).execute();
}
