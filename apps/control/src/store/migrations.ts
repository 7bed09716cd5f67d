import { type ColumnDefinitionBuilder, type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Schema } from './schema.ts';

/** The kinds of database that hold the store. */
export type Dialect = 'sqlite' | 'postgres';

/**
 * Brings the tables up to date. Both dialects get the same tables; only the spelling of a counting key differs.
 *
 * @throws what the database reports when a migration fails; nothing of that migration is kept.
 */
export async function migrate(db: Kysely<Schema>, dialect: Dialect): Promise<void> {
  const migrations = { '0001-initial': initial(dialect) };
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
  }).migrateToLatest();
  if (error !== undefined) throw error;
}

function initial(dialect: Dialect): Migration {
  const counting = (column: ColumnDefinitionBuilder) =>
    dialect === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey().generatedAlwaysAsIdentity();
  const countingType = dialect === 'sqlite' ? 'integer' : 'bigint';
  // Compared byte by byte whatever the locale of the server: prefixes are looked up as ranges.
  const streamId = dialect === 'sqlite' ? ('text' as const) : sql`text collate "C"`;
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
