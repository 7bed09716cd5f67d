import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What providers ask for a job that names none of them. */
export const quotes: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('quotes')
      .addColumn('request_id', 'text', (column) => column.notNull())
      .addColumn('provider', 'text', (column) => column.notNull())
      .addColumn('detail', 'text', (column) => column.notNull())
      .addColumn('amount_msat', 'integer')
      .addColumn('bolt11', 'text')
      .addColumn('at_ms', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('quotes_by_request', ['request_id', 'provider'])
      .modifyEnd(sql`strict, without rowid`)
      .execute();
  },
};
