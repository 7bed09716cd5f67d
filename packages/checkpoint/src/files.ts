import fs from 'node:fs';
import path from 'node:path';
import { CheckpointError, toCheckpointError } from './errors.ts';

/** The path of a store file with its folder made and its links followed, so that one file has one lock. */
export function prepareFile(file: string): string {
  if (file === '' || file.includes('\0') || file === ':memory:') {
    throw new CheckpointError('invalid_option', 'file must be the path of a file.');
  }
  try {
    const folder = path.dirname(path.resolve(file));
    fs.mkdirSync(folder, { recursive: true });
    const direct = path.join(fs.realpathSync(folder), path.basename(file));
    const real = fs.existsSync(direct) ? fs.realpathSync(direct) : direct;
    if (fs.existsSync(real) && !fs.statSync(real).isFile()) {
      throw new CheckpointError('unusable_file', `"${file}" is not a file.`);
    }
    fs.accessSync(path.dirname(real), fs.constants.R_OK | fs.constants.W_OK);
    if (fs.existsSync(real)) fs.accessSync(real, fs.constants.R_OK | fs.constants.W_OK);
    return real;
  } catch (cause) {
    throw toCheckpointError(cause, `Preparing "${file}"`);
  }
}

/** The size of a file; 0 when there is none. */
export function sizeOf(file: string): number {
  return fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Renames a database with its write-ahead log, so that both can be looked at together. Returns its new name: `target`,
 * or `target` with a number when that is taken, because what was set aside before must not be overwritten.
 */
export function setAside(file: string, target: string): string {
  let free = target;
  for (let number = 2; fs.existsSync(free) || fs.existsSync(`${free}-wal`); number += 1) free = `${target}-${number}`;
  for (const suffix of ['-wal', '-shm', '']) {
    if (fs.existsSync(file + suffix)) fs.renameSync(file + suffix, free + suffix);
  }
  syncFolder(file);
  return free;
}

/** Copies a file so that `target` is either the whole copy or what it was before. */
export function copyWhole(source: string, target: string): void {
  const partial = `${target}.partial`;
  fs.copyFileSync(source, partial);
  replaceBy(partial, target);
}

/** Puts a finished file in the place of another, durably. */
export function replaceBy(finished: string, target: string): void {
  const handle = fs.openSync(finished, 'r+');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(finished, target);
  syncFolder(target);
}

/** Removes a database that nobody needs, with what SQLite keeps beside it. */
export function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) fs.rmSync(file + suffix, { force: true });
}

/** Makes renames in a file's folder durable, where the system can open folders. */
function syncFolder(file: string): void {
  if (process.platform === 'win32') return;
  const folder = fs.openSync(path.dirname(file), 'r');
  try {
    fs.fsyncSync(folder);
  } finally {
    fs.closeSync(folder);
  }
}
