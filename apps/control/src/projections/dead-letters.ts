import type { Selectable } from 'kysely';
import type { Store } from '../store/open-store.ts';
import type { OutboxTable } from '../store/schema.ts';

/** An event that the database refused for good; its stream is parked until an operator decides. */
export interface DeadLetter {
  readonly id: number;
  readonly stream_id: string;
  readonly idempotency_key: string;
  readonly client_id: string;
  readonly code: string;
  readonly message: string;
  readonly accepted_at: number;
}

/** The operator's view of refused events. */
export interface DeadLetters {
  list(limit: number): Promise<readonly DeadLetter[]>;
  /** Sends the event again; undefined when there is no dead event with this id. */
  retry(id: number): Promise<DeadLetter | undefined>;
  /** Gives the event up, so that the stream goes on without it; undefined when there is no dead event with this id. */
  discard(id: number): Promise<DeadLetter | undefined>;
}

const columns = [
  'position',
  'stream_id',
  'idempotency_key',
  'client_id',
  'error_code',
  'error_message',
  'accepted_at',
] as const;

/** Dead letters in the store. */
export function createDeadLetters({ db }: Store): DeadLetters {
  return {
    async list(limit) {
      const query = db.selectFrom('outbox').select(columns).where('state', '=', 'dead').orderBy('position');
      return (await query.limit(limit).execute()).map(letter);
    },
    async retry(id) {
      const query = db.updateTable('outbox').set({ state: 'pending' }).where('position', '=', id);
      const row = await query.where('state', '=', 'dead').returning(columns).executeTakeFirst();
      return row && letter(row);
    },
    async discard(id) {
      const query = db.deleteFrom('outbox').where('position', '=', id);
      const row = await query.where('state', '=', 'dead').returning(columns).executeTakeFirst();
      return row && letter(row);
    },
  };
}

function letter(row: Pick<Selectable<OutboxTable>, (typeof columns)[number]>): DeadLetter {
  const { position: id, stream_id, idempotency_key, client_id, error_code, error_message, accepted_at } = row;
  const [code, message] = [error_code ?? 'internal', error_message ?? ''];
  return { id, stream_id, idempotency_key, client_id, code, message, accepted_at };
}
