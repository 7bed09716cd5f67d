import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { initial } from './migrations/0001-initial.ts';
import { epoch } from './migrations/0002-epoch.ts';
import { mirror } from './migrations/0003-mirror.ts';
import { cutover } from './migrations/0004-cutover.ts';
import { consoleSessions } from './migrations/0005-console.ts';
import { listening } from './migrations/0006-listening.ts';
import { parityBuckets } from './migrations/0007-parity-buckets.ts';
import { nostrChallenges } from './migrations/0008-nostr.ts';
import type { Dialect } from './migrations/dialect.ts';
import type { Schema } from './schema.ts';

/**
 * Brings the tables up to date. Both dialects get the same tables; only the spelling of a counting key differs.
 *
 * @throws what the database reports when a migration fails; nothing of that migration is kept.
 */
export async function migrate(db: Kysely<Schema>, dialect: Dialect): Promise<void> {
  const migrations = {
    '0001-initial': initial(dialect),
    '0002-epoch': epoch,
    '0003-mirror': mirror(dialect),
    '0004-cutover': cutover(dialect),
    '0005-console': consoleSessions,
    '0006-listening': listening,
    '0007-parity-buckets': parityBuckets,
    '0008-nostr': nostrChallenges,
  };
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
  }).migrateToLatest();
  if (error !== undefined) throw error;
}
