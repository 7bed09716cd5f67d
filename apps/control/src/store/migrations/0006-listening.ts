import type { Migration } from 'kysely/migration';

/** When replicas listened to units. */
export const listening: Migration = {
  async up(db) {
    await db.schema
      .createTable('cutover_listening')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('from_at', 'bigint', (c) => c.notNull())
      .addColumn('to_at', 'bigint', (c) => c.notNull())
      .execute();
  },
};
