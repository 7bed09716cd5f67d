import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Streams, their events and effects, resets and quarantine. */
export const first: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('scopes')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('environment', 'text', (column) => column.notNull())
      .addColumn('database', 'text', (column) => column.notNull())
      .addColumn('account', 'text', (column) => column.notNull())
      .addUniqueConstraint('scopes_by_name', ['environment', 'database', 'account'])
      .modifyEnd(sql`strict`)
      .execute();
    await db.schema
      .createTable('streams')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('scope', 'integer', (column) => column.notNull())
      .addColumn('stream_id', 'text', (column) => column.notNull())
      .addColumn('generation', 'integer', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('updated_at_ms', 'integer', (column) => column.notNull())
      .addUniqueConstraint('streams_by_name', ['scope', 'stream_id'])
      .modifyEnd(sql`strict`)
      .execute();
    await db.schema
      .createTable('generations')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('stream', 'integer', (column) => column.notNull())
      .addColumn('epoch', 'text', (column) => column.notNull())
      .addColumn('base_seq', 'integer', (column) => column.notNull())
      .addColumn('base_chain', 'text', (column) => column.notNull())
      .addColumn('retired_at_ms', 'integer')
      .modifyEnd(sql`strict`)
      .execute();
    // Without a rowid the events lie in the order of their key: a page is one run of the tree.
    await db.schema
      .createTable('events')
      .addColumn('generation', 'integer', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('payload', 'text', (column) => column.notNull())
      .addColumn('payload_hash', 'text', (column) => column.notNull())
      .addColumn('idempotency_key', 'text', (column) => column.notNull())
      .addColumn('committed_at', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('events_by_seq', ['generation', 'seq'])
      .addUniqueConstraint('events_by_key', ['generation', 'idempotency_key'])
      .modifyEnd(sql`strict, without rowid`)
      .execute();
    // autoincrement: the id of a settled effect is never given again.
    await db.schema
      .createTable('effects')
      .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('generation', 'integer', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .modifyEnd(sql`strict`)
      .execute();
    await db.schema
      .createTable('stream_resets')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('scope', 'integer', (column) => column.notNull())
      .addColumn('stream_id', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('from_epoch', 'text')
      .addColumn('from_seq', 'integer')
      .addColumn('from_chain', 'text')
      .addColumn('to_epoch', 'text', (column) => column.notNull())
      .addColumn('to_seq', 'integer', (column) => column.notNull())
      .addColumn('to_chain', 'text', (column) => column.notNull())
      .addColumn('at_ms', 'integer', (column) => column.notNull())
      .modifyEnd(sql`strict`)
      .execute();
    await db.schema
      .createTable('quarantine')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('scope', 'integer', (column) => column.notNull())
      .addColumn('stream_id', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('event_stream_id', 'text', (column) => column.notNull())
      .addColumn('epoch', 'text', (column) => column.notNull())
      .addColumn('seq', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('payload', 'text', (column) => column.notNull())
      .addColumn('payload_hash', 'text', (column) => column.notNull())
      .addColumn('true_hash', 'text', (column) => column.notNull())
      .addColumn('idempotency_key', 'text', (column) => column.notNull())
      .addColumn('committed_at', 'text', (column) => column.notNull())
      .addColumn('known_hash', 'text')
      .addColumn('times', 'integer', (column) => column.notNull())
      .addColumn('first_at_ms', 'integer', (column) => column.notNull())
      .addColumn('last_at_ms', 'integer', (column) => column.notNull())
      .addUniqueConstraint('quarantine_once', [
        'scope',
        'stream_id',
        'reason',
        'event_stream_id',
        'epoch',
        'seq',
        'payload_hash',
        'true_hash',
        'idempotency_key',
      ])
      .modifyEnd(sql`strict`)
      .execute();
  },
};
