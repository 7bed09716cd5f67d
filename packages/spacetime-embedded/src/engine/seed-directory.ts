import { mkdir } from 'node:fs/promises';
import { privateDirectory } from '../private-mode.ts';
import type { StateImage } from './commit-log.ts';
import { createSegment } from './disk-log.ts';
import type { FileOwner } from './log-codec.ts';
import { writeSnapshot } from './snapshot-file.ts';

/** Makes a data directory that holds a state, on disk when it returns. */
export async function seedDirectory(directory: string, file: FileOwner, image: StateImage): Promise<void> {
  await mkdir(directory, { recursive: true, mode: privateDirectory });
  const { handle } = await createSegment(directory, file, image.offset);
  await handle.close();
  await writeSnapshot(directory, file, image);
}
