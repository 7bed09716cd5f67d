import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { Kysely, PostgresDialect, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import pg from 'pg';
import { ControlError } from '../errors.ts';
import type { Dialect } from './migrations/dialect.ts';
import { migrate } from './migrations.ts';
import type { Schema } from './schema.ts';

/** The open store. */
export interface Store {
  readonly db: Kysely<Schema>;
  readonly dialect: Dialect;
  close(): Promise<void>;
}

/** Where the store is. */
export interface StoreOptions {
  /** Made when missing; holds `control.sqlite` unless `url` is given. */
  readonly dataDir: string;
  /** `postgres://...` for a PostgreSQL store. */
  readonly url?: string | undefined;
}

/**
 * Opens the store and brings its tables up to date.
 *
 * @throws {ControlError} `data_dir_unusable`, or `store_unavailable` for a PostgreSQL server that cannot be used.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  return options.url === undefined ? openSqlite(options.dataDir) : openPostgres(options.url);
}

async function openSqlite(dataDir: string): Promise<Store> {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const file = path.join(dataDir, 'control.sqlite');
    const database = new Sqlite(file, { timeout: 250 });
    try {
      // The file holds private keys.
      chmodSync(file, 0o600);
      // Exclusive before WAL: a second control on the same folder is refused instead of draining the same outbox.
      database.pragma('locking_mode = EXCLUSIVE');
      database.pragma('journal_mode = WAL');
      // An accepted event must survive a power cut, not only a crash.
      database.pragma('synchronous = FULL');
      // A fleet of ten thousand units in memory (KiB), and its heartbeats not copied back every second (pages).
      database.pragma('cache_size = -65536');
      database.pragma('wal_autocheckpoint = 8000');
    } catch (error) {
      database.close();
      throw error;
    }
    const dialect = new SqliteDialect({ database: preparedOnce(database) });
    return await ready(new Kysely<Schema>({ dialect }), 'sqlite');
  } catch (cause) {
    throw new ControlError('data_dir_unusable', `The data folder ${dataDir} cannot be used: ${why(cause)}.`, { cause });
  }
}

/** Statements that are kept prepared; the oldest go. */
const mostStatements = 500;

/** The database with its statements prepared once for the same text. Kysely prepares for every execution. */
function preparedOnce(database: Sqlite.Database): SqliteDatabase {
  const statements = new Map<string, Sqlite.Statement>();
  return {
    close: () => void database.close(),
    prepare(text) {
      const known = statements.get(text);
      if (known !== undefined) return known as unknown as SqliteStatement;
      const made = database.prepare(text);
      statements.set(text, made);
      const oldest = statements.size > mostStatements ? statements.keys().next().value : undefined;
      if (oldest !== undefined) statements.delete(oldest);
      return made as unknown as SqliteStatement;
    },
  };
}

async function openPostgres(url: string): Promise<Store> {
  try {
    const pool = new pg.Pool({
      connectionString: url,
      max: 8,
      connectionTimeoutMillis: 5_000,
      types: { getTypeParser },
    });
    // A connection that breaks while idle must not end the process; the next query reports it.
    pool.on('error', () => undefined);
    return await ready(new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), 'postgres');
  } catch (cause) {
    throw new ControlError('store_unavailable', `The PostgreSQL store cannot be used: ${why(cause)}.`, { cause });
  }
}

async function ready(db: Kysely<Schema>, dialect: Dialect): Promise<Store> {
  try {
    await migrate(db, dialect);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, dialect, close: () => db.destroy() };
}

/** Counts and milliseconds come as numbers, as they do from SQLite; none of them nears 2^53. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === pg.types.builtins.INT8) return Number;
  return pg.types.getTypeParser(oid, format as 'text');
}

function why(cause: unknown): string {
  const error = cause as NodeJS.ErrnoException;
  switch (error.code) {
    case 'SQLITE_BUSY':
      return 'another control is using it';
    case 'SQLITE_CANTOPEN':
    case 'SQLITE_READONLY':
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'it may not be read and written';
    case 'SQLITE_NOTADB':
    case 'SQLITE_CORRUPT':
      return 'control.sqlite in it is not a database of control';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'it is not a folder';
    case 'ENOSPC':
      return 'the disk is full';
    case 'ECONNREFUSED':
      return 'no server listens there';
    default:
      return String(error.message ?? cause);
  }
}
