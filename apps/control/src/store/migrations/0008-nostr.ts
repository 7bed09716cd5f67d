import type { Migration } from 'kysely/migration';

/** What control has asked Nostr keys to sign. */
export const nostrChallenges: Migration = {
  async up(db) {
    await db.schema
      .createTable('nostr_challenge')
      .addColumn('challenge', 'text', (c) => c.primaryKey())
      .addColumn('client_id', 'text', (c) => c.notNull())
      .addColumn('identity', 'text', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .addColumn('used_at', 'bigint')
      .addColumn('event_id', 'text')
      .addColumn('pubkey', 'text')
      .execute();
    await db.schema.createIndex('nostr_challenge_time').on('nostr_challenge').columns(['expires_at']).execute();
    await db.schema
      .createIndex('nostr_challenge_client')
      .on('nostr_challenge')
      .columns(['client_id', 'expires_at'])
      .execute();
  },
};
