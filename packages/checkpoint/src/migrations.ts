import type { Database } from 'better-sqlite3';
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { first } from './migrations/0001-first.ts';
import { bounds } from './migrations/0002-bounds.ts';
import { eventsInOrderOfCommit } from './migrations/0003-events-in-order-of-commit.ts';
import type { CheckpointSchema } from './schema.ts';

/** `APCK`: tells a checkpoint file from the database of another program. */
const applicationId = 0x4150434b;

/** In the order of their names. A migration that has been released is never changed. */
const migrations: Record<string, Migration> = {
  '0001_first': first,
  '0002_bounds': bounds,
  '0003_events_in_order_of_commit': eventsInOrderOfCommit,
};

/** Why a database must not be written to by this version. */
export interface Foreign {
  readonly class: 'foreign' | 'newer';
  readonly detail: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Looks whether a database is of another program, or of a newer schema. Only reads. */
export function findForeign(sqlite: Database, file: string): Foreign | undefined {
  const id = Number(sqlite.pragma('application_id', { simple: true }));
  const tables = tablesOf(sqlite);
  // A file without our mark is ours only when it is still empty: the mark is written before the first table.
  if (id !== applicationId && (id !== 0 || tables.length > 0)) {
    return { class: 'foreign', detail: `"${file}" is a database, but not a checkpoint store.`, details: { file } };
  }
  if (!tables.includes('kysely_migration')) return undefined;
  const done = sqlite.prepare<[], { name: string }>('select name from kysely_migration order by name').all();
  const schema = done.find(({ name }) => !Object.hasOwn(migrations, name))?.name;
  if (schema === undefined) return undefined;
  const detail = `"${file}" has the schema "${schema}", which is not known here.`;
  return { class: 'newer', detail, details: { file, schema } };
}

/** The tables of a database; none when it is new. */
export function tablesOf(sqlite: Database): readonly string[] {
  const rows = sqlite.prepare<[], { name: string }>("select name from sqlite_master where type = 'table'").all();
  return rows.map(({ name }) => name);
}

/**
 * Marks the file as ours and brings its schema up to date, in one transaction: kysely's migrator makes none for SQLite,
 * and a migration that ended halfway could neither be gone on with nor be made again.
 */
export async function migrate(sqlite: Database, db: Kysely<CheckpointSchema>): Promise<void> {
  sqlite.exec('begin immediate');
  try {
    if (Number(sqlite.pragma('application_id', { simple: true })) !== applicationId) {
      sqlite.pragma(`application_id = ${applicationId}`);
    }
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
