import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Requests that were taken back before they came. */
export const takenBack: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('taken_back')
      .addColumn('request_id', 'text', (column) => column.notNull())
      .addColumn('customer', 'text', (column) => column.notNull())
      .addColumn('at_ms', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('taken_back_by_request', ['request_id', 'customer'])
      .modifyEnd(sql`strict, without rowid`)
      .execute();
  },
};
