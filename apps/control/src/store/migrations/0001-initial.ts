import type { Migration } from 'kysely/migration';
import { columnsOf, type Dialect } from './dialect.ts';

/** Keys, audit, outbox and streams. */
export function initial(dialect: Dialect): Migration {
  const { counting, countingType, streamId } = columnsOf(dialect);
  return {
    async up(db) {
      await db.schema
        .createTable('meta')
        .addColumn('key', 'text', (c) => c.primaryKey())
        .addColumn('value', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('signing_key')
        .addColumn('kid', 'text', (c) => c.primaryKey())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('public_jwk', 'text', (c) => c.notNull())
        .addColumn('private_jwk', 'text', (c) => c.notNull())
        .addColumn('published_at', 'bigint', (c) => c.notNull())
        .addColumn('signing_since', 'bigint')
        .addColumn('retired_at', 'bigint')
        .execute();
      await db.schema
        .createTable('audit_event')
        .addColumn('id', countingType, counting)
        .addColumn('at', 'bigint', (c) => c.notNull())
        .addColumn('event', 'text', (c) => c.notNull())
        .addColumn('client_id', 'text')
        .addColumn('subject', 'text')
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('details', 'text', (c) => c.notNull())
        .execute();
      await db.schema.createIndex('audit_event_at').on('audit_event').column('at').execute();
      await db.schema
        .createTable('outbox')
        .addColumn('position', countingType, counting)
        .addColumn('stream_id', streamId, (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('payload', 'text', (c) => c.notNull())
        .addColumn('payload_hash', 'text', (c) => c.notNull())
        .addColumn('idempotency_key', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('client_id', 'text', (c) => c.notNull())
        .addColumn('accepted_at', 'bigint', (c) => c.notNull())
        .addColumn('delivered_at', 'bigint')
        .addColumn('outcome', 'text')
        .addColumn('epoch', 'text')
        .addColumn('seq', 'text')
        .addColumn('error_code', 'text')
        .addColumn('error_message', 'text')
        .addUniqueConstraint('outbox_stream_key', ['stream_id', 'idempotency_key'])
        .execute();
      await db.schema.createIndex('outbox_state').on('outbox').columns(['state', 'stream_id', 'position']).execute();
      await db.schema
        .createTable('stream')
        .addColumn('stream_id', streamId, (c) => c.primaryKey())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('updated_at', 'bigint', (c) => c.notNull())
        .addColumn('epoch', 'text')
        .addColumn('last_seq', 'text')
        .addColumn('chain', 'text')
        .addColumn('delivered', 'bigint', (c) => c.notNull().defaultTo(0))
        .addColumn('duplicates', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute();
    },
  };
}
