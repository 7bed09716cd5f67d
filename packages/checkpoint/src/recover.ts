import fs from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { copyWhole, setAside, sizeOf } from './files.ts';
import { CheckpointError } from './errors.ts';
import { type Damage, damageOf, findDamage } from './health.ts';
import { type Foreign, findForeign, tablesOf } from './migrations.ts';
import { openingTable } from './opening-table.ts';
import type { RecoveryReport } from './store.ts';

/** Where the previous generation of a store lies. */
export function previousOf(file: string): string {
  return `${file}.previous`;
}

/** A file that may be opened, and what had to be done for it. */
export interface Opened {
  readonly sqlite: Sqlite.Database;
  readonly recovered: RecoveryReport | undefined;
}

/** Milliseconds to wait for another program that writes: nobody should, and the thread is blocked meanwhile. */
const busyTimeout = 100;

/** What is at a path. A database that may be used is open. */
type Found =
  | { readonly class: 'new' | 'sound'; readonly sqlite: Sqlite.Database }
  | { readonly class: 'gone'; readonly detail: string }
  | Damage
  | Foreign;

/**
 * Opens a store file; the caller holds its lock. A damaged file is set aside under a name made of `mark`, and the
 * previous generation takes its place, if it is good.
 *
 * @throws {CheckpointError} `not_a_checkpoint_file`, `schema_newer`
 */
export function openOrRecover(file: string, mark: string): Opened {
  const found = inspect(file);
  if ('sqlite' in found) return { sqlite: found.sqlite, recovered: undefined };
  const row = openingTable[found.class];
  if (row.action === 'refuse') {
    throw new CheckpointError(row.code, found.detail, 'details' in found ? { details: found.details } : {});
  }
  return rebuild(file, mark, { reason: row.recovered, detail: found.detail });
}

/** What is wrong with a database that should be a store; undefined when it is one. */
export function flawOf(file: string): string | undefined {
  const found = inspectDatabase(file);
  if (!('sqlite' in found)) return found.detail;
  found.sqlite.close();
  return found.class === 'sound' ? undefined : 'there is nothing in it';
}

function rebuild(file: string, mark: string, damage: Pick<RecoveryReport, 'reason' | 'detail'>): Opened {
  const isThere = fs.existsSync(file) || fs.existsSync(`${file}-wal`);
  const quarantined = isThere ? setAside(file, asidePrefix(file) + mark) : undefined;
  const previous = previousOf(file);
  let previous_quarantined: string | undefined;
  let restored_from: RecoveryReport['restored_from'] = 'nothing';
  if (sizeOf(previous) > 0) {
    if (isUsable(previous)) {
      copyWhole(previous, file);
      restored_from = 'previous';
    } else {
      // Not left in place: the next backup would write over it.
      previous_quarantined = setAside(previous, asidePrefix(previous) + mark);
    }
  }
  const recovered: RecoveryReport = { ...damage, quarantined, restored_from, previous_quarantined };
  return { sqlite: new Sqlite(file, { timeout: busyTimeout }), recovered };
}

function wasSetAside(file: string): boolean {
  const name = asidePrefix(path.basename(file));
  return fs.readdirSync(path.dirname(file)).some((other) => other.startsWith(name));
}

function asidePrefix(name: string): string {
  return `${name}.corrupt-`;
}

/** Whether the previous generation may take the place of the file. What cannot even be looked at may not. */
function isUsable(previous: string): boolean {
  try {
    return flawOf(previous) === undefined;
  } catch {
    return false;
  }
}

function inspect(file: string): Found {
  // An opening that set a damaged file aside may have ended before anybody was told.
  const isGone = sizeOf(file) === 0 && (sizeOf(previousOf(file)) > 0 || wasSetAside(file));
  return isGone ? { class: 'gone', detail: 'the file was gone or empty' } : inspectDatabase(file);
}

function inspectDatabase(file: string): Exclude<Found, { class: 'gone' }> {
  let sqlite: Sqlite.Database | undefined;
  try {
    sqlite = new Sqlite(file, { timeout: busyTimeout });
    const flaw = findForeign(sqlite, file) ?? findDamage(sqlite);
    if (flaw === undefined) return { class: tablesOf(sqlite).length === 0 ? 'new' : 'sound', sqlite };
    sqlite.close();
    return flaw;
  } catch (cause) {
    sqlite?.close();
    const damage = damageOf(cause);
    if (damage === undefined) throw cause;
    return damage;
  }
}
