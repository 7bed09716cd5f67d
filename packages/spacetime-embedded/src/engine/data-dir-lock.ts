import { link, readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { privateFile } from '../private-mode.ts';
import { EngineError } from './errors.ts';

interface Holder {
  readonly pid: number;
  /** When the process started, by the kernel's own count; tells a reused pid from the old one. */
  readonly started: string;
  readonly released: boolean;
}

let temporaries = 0;

/**
 * Takes the lock of a data directory. Locks are numbered files that only ever count up: whoever creates the next
 * number holds the directory, once the holder of the highest one is gone. A process that was killed leaves its file
 * behind, and the next one sees that it does not run any more.
 *
 * @throws {EngineError} `data_dir_locked`.
 */
export async function lockDataDir(directory: string): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const highest = await highestLock(directory);
    if (highest > 0 && (await isHeld(lockPath(directory, highest)))) {
      throw new EngineError('data_dir_locked', `Another process has ${directory} open.`);
    }
    const mine = highest + 1;
    if (!(await create(directory, mine))) continue;
    if ((await highestLock(directory)) !== mine) {
      await rm(lockPath(directory, mine), { force: true });
      continue;
    }
    for (const number of await lockNumbers(directory)) {
      if (number < mine) await rm(lockPath(directory, number), { force: true });
    }
    return () => release(directory, mine);
  }
  throw new EngineError('data_dir_locked', `Other processes keep taking the lock of ${directory}.`);
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}

async function lockNumbers(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names.flatMap((name) => (/^lock\.\d+$/.test(name) ? [Number(name.slice('lock.'.length))] : []));
}

async function highestLock(directory: string): Promise<number> {
  return Math.max(0, ...(await lockNumbers(directory)));
}

/** A link appears with its whole content or not at all, and fails when the name is taken. */
async function create(directory: string, number: number): Promise<boolean> {
  const temporary = await writeHolder(directory, false);
  try {
    await link(temporary, lockPath(directory, number));
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await unlink(temporary);
  }
}

/** The file stays, so that its number is never used again. */
async function release(directory: string, number: number): Promise<void> {
  await rename(await writeHolder(directory, true), lockPath(directory, number));
}

async function writeHolder(directory: string, released: boolean): Promise<string> {
  temporaries += 1;
  const path = join(directory, `lock-${process.pid}-${temporaries}.tmp`);
  const holder: Holder = { pid: process.pid, started: (await startOf(process.pid)) ?? '', released };
  await writeFile(path, JSON.stringify(holder), { mode: privateFile });
  return path;
}

async function isHeld(path: string): Promise<boolean> {
  let holder: Partial<Holder>;
  try {
    holder = JSON.parse(await readFile(path, 'utf8')) as Partial<Holder>;
  } catch (error) {
    // Gone meanwhile: the next look decides. Damaged by a crash of the machine: nobody runs any more who wrote it.
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return false;
    throw error;
  }
  if (holder.released === true || typeof holder.pid !== 'number' || !isRunning(holder.pid)) return false;
  const started = await startOf(holder.pid);
  return started === undefined || holder.started === '' || started === holder.started;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal, but there.
    return isErrno(error, 'EPERM');
  }
}

/** Boot and start tick of a process where the kernel tells (Linux), else undefined. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    // The name in parentheses may hold anything; the start is the 20th field behind it.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return start === undefined ? undefined : `${boot.trim()} ${start}`;
  } catch {
    return undefined;
  }
}

/** Whether an error is the system error of that name. */
function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
