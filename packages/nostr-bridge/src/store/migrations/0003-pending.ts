import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What is pending by itself: relays that wait for a visit are found among it, however much was delivered. */
export const pending: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createIndex('deliveries_pending')
      .on('deliveries')
      .columns(['relay', 'next_at_ms'])
      .where(sql.ref('state'), '=', sql.lit('pending'))
      .execute();
  },
};
