import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** When events settled: what is old enough to go is found without reading what is kept. */
export const settled: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('events_settled')
      .on('events')
      .columns(['settled_at_ms'])
      .where(sql.ref('settled_at_ms'), 'is not', null)
      .execute();
  },
};
