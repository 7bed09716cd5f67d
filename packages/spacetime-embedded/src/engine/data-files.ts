import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of a data directory that is named by an offset. */
export interface DataFile {
  readonly path: string;
  readonly offset: bigint;
}

/** What a data directory holds, by rising offset. */
export interface DataFiles {
  readonly segments: readonly DataFile[];
  readonly snapshots: readonly DataFile[];
  /** Left behind by a crash. */
  readonly temporary: readonly string[];
}

export function segmentPath(directory: string, base: bigint): string {
  return join(directory, `${base.toString().padStart(20, '0')}.log`);
}

export function snapshotPath(directory: string, offset: bigint): string {
  return join(directory, `${offset.toString().padStart(20, '0')}.snapshot`);
}

export async function listDataFiles(directory: string): Promise<DataFiles> {
  const names = (await readdir(directory)).sort();
  const named = (pattern: RegExp): DataFile[] =>
    names.flatMap((name) => {
      const digits = pattern.exec(name)?.[1];
      return digits === undefined ? [] : [{ path: join(directory, name), offset: BigInt(digits) }];
    });
  return {
    segments: named(/^(\d{20})\.log$/),
    snapshots: named(/^(\d{20})\.snapshot$/),
    temporary: names.filter((name) => /^\d{20}\.(snapshot|log)\.tmp$/.test(name)).map((name) => join(directory, name)),
  };
}

/** Makes the names in a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await rm(path, { force: true });
}
