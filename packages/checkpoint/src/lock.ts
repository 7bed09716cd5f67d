import Sqlite from 'better-sqlite3';
import { CheckpointError, nativeCode, toCheckpointError } from './errors.ts';
import { openingTable } from './opening-table.ts';

/** A file that is held by nobody else. */
export interface FileLock {
  release(): void;
}

/**
 * Holds `<file>.lock` by an open exclusive transaction of a SQLite database with nothing in it. The lock belongs to the
 * operating system, so it is free as soon as its holder is gone, however it went. The file stays: removing it would let
 * two holders lock two files of one name. Nothing else may open it: closing any handle of it would free the lock.
 *
 * @throws {CheckpointError} `locked` when somebody holds it, this process included.
 */
export function lockFile(file: string): FileLock {
  const name = `${file}.lock`;
  let side: Sqlite.Database | undefined;
  try {
    side = new Sqlite(name, { timeout: 0 });
    // Nothing is ever written, so no journal file has to lie about.
    side.pragma('journal_mode = memory');
    side.exec('begin exclusive');
  } catch (cause) {
    side?.close();
    if (nativeCode(cause).startsWith('SQLITE_BUSY')) {
      throw new CheckpointError(openingTable.held.code, `"${file}" is in use.`, { cause, details: { file } });
    }
    if (nativeCode(cause) === 'SQLITE_NOTADB' || nativeCode(cause).startsWith('SQLITE_CORRUPT')) {
      throw new CheckpointError('unusable_file', `"${name}" is not a lock file; remove it if nothing uses it.`, {
        cause,
      });
    }
    throw toCheckpointError(cause, `Locking "${file}"`);
  }
  const held = side;
  return { release: () => void held.close() };
}
