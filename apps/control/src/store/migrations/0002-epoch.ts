import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The epoch that control names for a stream that begins; streams of before have the one that the database gave them. */
export const epoch: Migration = {
  async up(db) {
    await db.schema.alterTable('stream').addColumn('planned_epoch', 'text').execute();
    await sql`update stream set planned_epoch = epoch`.execute(db);
  },
};
