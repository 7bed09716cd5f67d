import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Events lie in the order in which they were committed, and are found by two indexes. In a table without a rowid each page
 * that fills is shared out with its neighbours; one with a rowid only gets another page at its end. A page of a stream
 * is read as fast as before: its rows lie together all the same.
 */
export const eventsInOrderOfCommit: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('events_by_rowid')
      .addColumn('generation', 'integer', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('payload', 'text', (column) => column.notNull())
      .addColumn('payload_hash', 'text', (column) => column.notNull())
      .addColumn('idempotency_key', 'text', (column) => column.notNull())
      .addColumn('committed_at', 'integer', (column) => column.notNull())
      .addUniqueConstraint('events_by_seq', ['generation', 'seq'])
      .addUniqueConstraint('events_by_key', ['generation', 'idempotency_key'])
      .modifyEnd(sql`strict`)
      .execute();
    await sql`insert into events_by_rowid select * from events order by generation, seq`.execute(db);
    await db.schema.dropTable('events').execute();
    await db.schema.alterTable('events_by_rowid').renameTo('events').execute();
  },
};
