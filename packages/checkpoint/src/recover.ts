import fs from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import { copyWhole, setAside, sizeOf } from './files.ts';
import { type Damage, damageOf, findDamage } from './health.ts';
import { refuseForeignFile } from './migrations.ts';
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

/**
 * Opens a store file; the caller holds its lock. A damaged file is set aside under a name made of `mark`, and the
 * previous generation takes its place, if it is good.
 */
export function openOrRecover(file: string, mark: string): Opened {
  // An opening that set a damaged file aside may have ended before anybody was told.
  const isGone = sizeOf(file) === 0 && (sizeOf(previousOf(file)) > 0 || wasSetAside(file));
  if (isGone) return rebuild(file, mark, { reason: 'missing', detail: 'the file was gone or empty' });
  const opened = openSound(file);
  return 'sqlite' in opened ? { ...opened, recovered: undefined } : rebuild(file, mark, opened);
}

/**
 * Whether a database can be used as a store: undefined, or its damage.
 *
 * @throws {CheckpointError} `not_a_checkpoint_file`, `schema_newer`
 */
export function damageOfFile(file: string): Damage | undefined {
  const opened = openSound(file);
  if (!('sqlite' in opened)) return opened;
  opened.sqlite.close();
  return undefined;
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

function isUsable(previous: string): boolean {
  try {
    return damageOfFile(previous) === undefined;
  } catch {
    return false;
  }
}

function openSound(file: string): { readonly sqlite: Sqlite.Database } | Damage {
  let sqlite: Sqlite.Database | undefined;
  try {
    sqlite = new Sqlite(file, { timeout: busyTimeout });
    refuseForeignFile(sqlite, file);
    const damage = findDamage(sqlite);
    if (damage === undefined) return { sqlite };
    sqlite.close();
    return damage;
  } catch (cause) {
    sqlite?.close();
    const damage = damageOf(cause);
    if (damage === undefined) throw cause;
    return damage;
  }
}
