import type { Database } from 'better-sqlite3';
import { nativeCode } from './errors.ts';
import { tablesOf } from './migrations.ts';

/** What of the options of a store is a setting of its connection. */
export interface ConnectionOptions {
  readonly synchronous: 'NORMAL' | 'FULL';
  readonly max_bytes?: number;
}

/** Sets up a connection; the file is known to be ours. */
export function configure(sqlite: Database, { synchronous, max_bytes }: ConnectionOptions): void {
  // First: once there is a page, only a vacuum changes it.
  vacuumByParts(sqlite);
  sqlite.pragma('journal_mode = wal');
  sqlite.pragma(`synchronous = ${synchronous}`);
  if (max_bytes === undefined) return;
  const pageSize = Number(sqlite.pragma('page_size', { simple: true }));
  sqlite.pragma(`max_page_count = ${Math.max(1, Math.floor(max_bytes / pageSize))}`);
}

/** Lets `reclaim` give unused pages back by parts. */
function vacuumByParts(sqlite: Database): void {
  const incremental = 2;
  if (Number(sqlite.pragma('auto_vacuum', { simple: true })) === incremental) return;
  sqlite.pragma('auto_vacuum = incremental');
  if (tablesOf(sqlite).length === 0) return;
  try {
    // Once, for a file of a version that did not set it. It needs as much space again for a moment.
    sqlite.exec('vacuum');
  } catch (cause) {
    // The store works without it; the next opening tries again.
    if (!nativeCode(cause).startsWith('SQLITE_FULL')) throw cause;
  }
}
