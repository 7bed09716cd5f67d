import Sqlite, { type Database, type Transaction } from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { BridgeError } from '../errors.ts';
import { first } from './migrations/0001-first.ts';
import { kept } from './migrations/0002-kept.ts';
import { pending } from './migrations/0003-pending.ts';
import { quotes } from './migrations/0004-quotes.ts';
import { takenBack } from './migrations/0005-taken-back.ts';
import { settled } from './migrations/0006-settled.ts';
import type { BridgeSchema } from './schema.ts';
import { toBridgeError } from './store-errors.ts';
import { WriteGroup } from './write-group.ts';

/** `NSBR`: tells a bridge file from the database of another program. */
const applicationId = 0x4e534252;

/** In the order of their names. A migration that has been released is never changed. */
const migrations: Record<string, Migration> = {
  '0001_first': first,
  '0002_kept': kept,
  '0003_pending': pending,
  '0004_quotes': quotes,
  '0005_taken_back': takenBack,
  '0006_settled': settled,
};

/** How to open a bridge file. */
export interface BridgeFileOptions {
  /** Path; its folder must exist. `<file>.lock` lies beside it, and while it is open `-wal` and `-shm`. */
  readonly file: string;
  /** `observer` leaves the lock to a bridge that runs: for looking, and for putting dead deliveries back. */
  readonly as: 'owner' | 'observer';
  /** A bound for the file in bytes; beyond it every write fails with `disk_full`. Not set: what the disk has. */
  readonly maxBytes?: number;
}

/** An open bridge file: outbox, seen-set and jobs are parts of one database, so that one transaction spans them. */
export interface BridgeFile {
  readonly sqlite: Database;
  readonly db: Kysely<BridgeSchema>;
  /** Runs work in one transaction, or in the one that runs already. @throws {BridgeError} with nothing changed. */
  transaction<T>(doing: string, work: () => T): T;
  /** Runs work as a part of the transaction that runs: when it throws, it alone is undone. @throws {BridgeError} */
  part<T>(doing: string, work: () => T): T;
  /**
   * Runs work in one transaction with everything else that is asked for in the same turn of the event loop, each as a part of
   * it; alone when that cannot be stored, and then a second time. Resolves when it is stored.
   *
   * @throws {BridgeError} with nothing of this work changed.
   */
  together<T>(doing: string, work: () => T): Promise<T>;
  /** Reads by one statement, or in the transaction that runs already. @throws {BridgeError} */
  read<T>(doing: string, work: () => T): T;
  /** What still waits to be written is written. */
  close(): void;
}

/**
 * Opens a bridge file, makes it, or brings its schema up to date. Every transaction survives the death of the process
 * and the loss of power: an event that was sent must not be built a second time.
 *
 * @throws {BridgeError} `locked`, `schema_newer`, `not_a_bridge_file`, `unusable_file`, `corrupt`, `disk_full`
 */
export async function openBridgeFile(options: BridgeFileOptions): Promise<BridgeFile> {
  let lock: Database | undefined;
  let sqlite: Database | undefined;
  try {
    if (options.as === 'owner') lock = lockBeside(options.file);
    sqlite = new Sqlite(options.file, { timeout: 2_000, fileMustExist: options.as === 'observer' });
    checkOwnership(sqlite, options);
    sqlite.pragma('journal_mode = wal');
    sqlite.pragma('synchronous = full');
    const db = new Kysely<BridgeSchema>({ dialect: new SqliteDialect({ database: sqlite }) });
    if (options.as === 'owner') await migrate(sqlite, db);
    if (options.maxBytes !== undefined) {
      const pageSize = Number(sqlite.pragma('page_size', { simple: true }));
      sqlite.pragma(`max_page_count = ${Math.max(1, Math.floor(options.maxBytes / pageSize))}`);
    }
    return new OpenFile(sqlite, db, lock);
  } catch (cause) {
    sqlite?.close();
    lock?.close();
    throw toBridgeError(cause, `Opening "${options.file}"`);
  }
}

class OpenFile implements BridgeFile {
  readonly sqlite: Database;
  readonly db: Kysely<BridgeSchema>;
  readonly #lock: Database | undefined;
  /** Made once: making it takes longer than a small transaction. */
  readonly #run: Transaction<(work: () => unknown) => unknown>;
  readonly #group = new WriteGroup(this);

  constructor(sqlite: Database, db: Kysely<BridgeSchema>, lock: Database | undefined) {
    this.sqlite = sqlite;
    this.db = db;
    this.#lock = lock;
    this.#run = sqlite.transaction((work) => work());
  }

  transaction<T>(doing: string, work: () => T): T {
    if (this.sqlite.open && this.sqlite.inTransaction) return work();
    return this.read(doing, () => this.#run.immediate(work) as T);
  }

  part<T>(doing: string, work: () => T): T {
    return this.read(doing, () => {
      // Where there is none, a commit of its own would be left when the rest is undone.
      if (!this.sqlite.inTransaction) throw new BridgeError('internal', `${doing}: no transaction runs.`);
      return this.#run(work) as T;
    });
  }

  together<T>(doing: string, work: () => T): Promise<T> {
    return this.#group.add(doing, work);
  }

  read<T>(doing: string, work: () => T): T {
    if (!this.sqlite.open) throw new BridgeError('closed', 'The bridge file is closed.');
    try {
      return work();
    } catch (cause) {
      throw toBridgeError(cause, doing);
    }
  }

  close(): void {
    this.#group.flush();
    this.sqlite.close();
    this.#lock?.close();
  }
}

/** An exclusive transaction in a file of its own: the operating system ends it with its process, however that goes. */
function lockBeside(file: string): Database {
  const lock = new Sqlite(`${file}.lock`, { timeout: 0 });
  try {
    lock.pragma('journal_mode = memory');
    lock.exec('begin exclusive');
    return lock;
  } catch (cause) {
    lock.close();
    throw cause;
  }
}

function checkOwnership(sqlite: Database, { file, as }: BridgeFileOptions): void {
  const id = Number(sqlite.pragma('application_id', { simple: true }));
  const tables = sqlite.prepare<[], { name: string }>("select name from sqlite_master where type = 'table'").all();
  const isNew = id === 0 && tables.length === 0 && as === 'owner';
  if (id !== applicationId && !isNew) throw new BridgeError('not_a_bridge_file', `"${file}" is not a bridge file.`);
  if (!tables.some(({ name }) => name === 'kysely_migration')) return;
  const done = sqlite.prepare<[], { name: string }>('select name from kysely_migration').all();
  const unknown = done.find(({ name }) => !Object.hasOwn(migrations, name));
  if (unknown !== undefined) {
    throw new BridgeError('schema_newer', `"${file}" has the schema "${unknown.name}", which is not known here.`);
  }
  if (as === 'observer' && done.length < Object.keys(migrations).length) {
    throw new BridgeError('unusable_file', `"${file}" is of an older version: its bridge has to open it first.`);
  }
}

/** In one transaction: kysely's migrator makes none for SQLite. */
async function migrate(sqlite: Database, db: Kysely<BridgeSchema>): Promise<void> {
  sqlite.exec('begin immediate');
  try {
    sqlite.pragma(`application_id = ${applicationId}`);
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
    const { error } = await migrator.migrateToLatest();
    if (error !== undefined) throw error;
    sqlite.exec('commit');
  } catch (error) {
    // A full disk may have ended the transaction already.
    if (sqlite.inTransaction) sqlite.exec('rollback');
    throw error;
  }
}
