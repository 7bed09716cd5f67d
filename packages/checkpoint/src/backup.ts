import type { Database } from 'better-sqlite3';
import { CheckpointError, toCheckpointError } from './errors.ts';
import { removeDatabase, replaceBy, sizeOf } from './files.ts';
import { flawOf, previousOf } from './recover.ts';
import type { BackupReport } from './store.ts';

/** Pages copied between two turns of the event loop: about 4 MB. */
const pagesPerTurn = 1_000;

/**
 * Copies a live database into the place of its previous generation. The old copy stays until the new one is whole,
 * has been read through and is durable.
 *
 * @param isCancelled Asked between parts; the copy is given up with `closed` when it says so.
 */
export async function writePrevious(sqlite: Database, file: string, isCancelled: () => boolean): Promise<BackupReport> {
  const previous = previousOf(file);
  const partial = `${previous}.partial`;
  try {
    removeDatabase(partial);
    await sqlite.backup(partial, {
      progress: () => {
        if (isCancelled()) throw new CheckpointError('closed', 'The store was closed while it was copied.');
        return pagesPerTurn;
      },
    });
    const flaw = flawOf(partial);
    if (flaw !== undefined) {
      throw new CheckpointError('corrupt', `The copy is not good (${flaw}); the previous one was kept.`);
    }
    replaceBy(partial, previous);
    return { file: previous, bytes: sizeOf(previous) };
  } catch (cause) {
    removeDatabase(partial);
    throw toCheckpointError(cause, `Copying "${file}"`);
  }
}
