import type { Migration } from 'kysely/migration';

/** Who is signed in to the console. */
export const consoleSessions: Migration = {
  async up(db) {
    await db.schema
      .createTable('console_session')
      .addColumn('token_hash', 'text', (c) => c.primaryKey())
      .addColumn('client_id', 'text', (c) => c.notNull())
      .addColumn('began_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .execute();
  },
};
