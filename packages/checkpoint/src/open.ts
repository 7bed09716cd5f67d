import type { Clock, Random } from '@autopilot/sync-contract';
import type { Database } from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { auditStatements } from './audit-statements.ts';
import { preparer } from './compile.ts';
import { configure } from './configure.ts';
import { CheckpointError, toCheckpointError } from './errors.ts';
import { prepareFile } from './files.ts';
import { lockFile } from './lock.ts';
import { migrate } from './migrations.ts';
import { openOrRecover } from './recover.ts';
import type { CheckpointSchema } from './schema.ts';
import { SqliteCheckpointStore } from './sqlite-store.ts';
import type { AuditLimits, CheckpointStore, StoreScope } from './store.ts';
import { streamStatements } from './stream-statements.ts';
import { auditLimits, checkScope } from './validate.ts';

/** How to open a store. */
export interface CheckpointOptions extends AuditLimits {
  /** Path; folders are made. Beside it lie `.lock`, `.previous` and, while open, `-wal` and `-shm`. */
  readonly file: string;
  readonly scope: StoreScope;
  /**
   * `NORMAL`: a commit survives the death of the process; the last ones may be lost, never torn, when the machine loses
   * power. Right where the source can be read again from the older watermark. `FULL`: a commit survives both, at one sync
   * to disk per commit. Needed where the source cannot be read again. What has no source (resets and quarantine) is
   * written as with `FULL` in either case.
   */
  readonly synchronous: 'NORMAL' | 'FULL';
  readonly clock: Clock;
  readonly random: Random;
  /** A bound for the database file; beyond it, commits fail with `disk_full`. Not set: what the disk has. */
  readonly max_bytes?: number;
}

/**
 * Opens a store, makes it, or brings its schema up to date. Reads the whole file once to find damage: a damaged file is
 * set aside and reported in `recovered`.
 *
 * @throws {CheckpointError} `locked`, `schema_newer`, `not_a_checkpoint_file`, `unusable_file`, `read_only`,
 * `disk_full`, `io_error`, `invalid_option`
 */
export async function openCheckpointStore(options: CheckpointOptions): Promise<CheckpointStore> {
  checkScope(options.scope);
  const { synchronous, max_bytes } = options;
  if (synchronous !== 'NORMAL' && synchronous !== 'FULL') {
    throw new CheckpointError('invalid_option', `synchronous must be NORMAL or FULL, not ${String(synchronous)}.`);
  }
  if (max_bytes !== undefined && !(Number.isSafeInteger(max_bytes) && max_bytes > 0)) {
    throw new CheckpointError('invalid_option', `max_bytes must be a whole number above 0, not ${max_bytes}.`);
  }
  const limits = auditLimits(options);
  const file = prepareFile(options.file);
  const lock = lockFile(file);
  let sqlite: Database | undefined;
  try {
    const opened = openOrRecover(file, recoveryMark(options));
    sqlite = opened.sqlite;
    configure(sqlite, options);
    const db = new Kysely<CheckpointSchema>({ dialect: new SqliteDialect({ database: sqlite }) });
    await migrate(sqlite, db);
    // Before anything is prepared: a seq beyond 2^53 must not be rounded.
    sqlite.defaultSafeIntegers(true);
    const scope = await scopeId(db, options.scope);
    const prepare = preparer(sqlite);
    const statements = { ...streamStatements(prepare, db, scope), ...auditStatements(prepare, db, scope) };
    const { recovered } = opened;
    return new SqliteCheckpointStore({ ...options, file, sqlite, statements, lock, recovered, limits });
  } catch (cause) {
    sqlite?.close();
    lock.release();
    throw toCheckpointError(cause, `Opening "${options.file}"`);
  }
}

async function scopeId(db: Kysely<CheckpointSchema>, scope: StoreScope): Promise<bigint> {
  const { environment, database, account } = scope;
  const named = { environment, database, account };
  await db
    .insertInto('scopes')
    .values(named)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const found = db
    .selectFrom('scopes')
    .select('id')
    .where((eb) => eb.and(named));
  return (await found.executeTakeFirstOrThrow()).id;
}

/** Names what is set aside: when, and two bytes of chance for a second time in the same millisecond. */
function recoveryMark(options: CheckpointOptions): string {
  const at = new Date(options.clock.now()).toISOString().replaceAll(/[-:.]/g, '');
  return `${at}-${Buffer.from(options.random.bytes(2)).toString('hex')}`;
}
