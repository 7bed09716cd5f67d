import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openCheckpointStore } from '../../../packages/checkpoint/src/index.ts';

/** Whose streams the stores of the simulation hold. */
export const storeScope = { environment: 'simulation', database: 'sync', account: 'client' };

/** The folders that stores of runs lie in: in memory where the system has such a place, real files in any case. */
export class Disk {
  /** Holds everything of it. */
  readonly root: string;
  readonly #template: string;
  #folders = 0;

  private constructor(root: string) {
    this.root = root;
    this.#template = path.join(root, 'template.sqlite');
  }

  /** @param folder where it makes a folder of its own; by default where the system keeps files in memory. */
  static async make(folder = fastFolder()): Promise<Disk> {
    const disk = new Disk(fs.mkdtempSync(path.join(folder, 'autopilot-simulate-')));
    // Made once and copied for every run: making the tables takes longer than a whole run.
    const clock = { now: () => 1_800_000_000_000, monotonic: () => 0 };
    const random = { next: () => 0, bytes: (length: number) => new Uint8Array(length) };
    const store = await openCheckpointStore({
      file: disk.#template,
      scope: storeScope,
      synchronous: 'NORMAL',
      clock,
      random,
    });
    await store.close();
    return disk;
  }

  /** The file of a store in which nothing is stored yet. */
  fresh(): string {
    const file = this.#place();
    fs.copyFileSync(this.#template, file);
    return file;
  }

  /** What a process that ends now leaves of its store, `logBytes` of its write-ahead log at most. */
  remains(file: string, logBytes = Number.POSITIVE_INFINITY): string {
    const copy = this.#place();
    fs.copyFileSync(file, copy);
    if (logBytes > 0 && fs.existsSync(`${file}-wal`)) {
      fs.copyFileSync(`${file}-wal`, `${copy}-wal`);
      if (logBytes < this.logSize(file)) fs.truncateSync(`${copy}-wal`, logBytes);
    }
    return copy;
  }

  /** Bytes of the write-ahead log. */
  logSize(file: string): number {
    return fs.statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Bytes of the database itself. */
  size(file: string): number {
    return fs.statSync(file).size;
  }

  remove(file: string): void {
    fs.rmSync(path.dirname(file), { recursive: true, force: true });
  }

  close(): void {
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  #place(): string {
    this.#folders += 1;
    const folder = path.join(this.root, `${this.#folders}`);
    fs.mkdirSync(folder);
    return path.join(folder, 'sync.sqlite');
  }
}

function fastFolder(): string {
  const memory = '/dev/shm';
  try {
    fs.accessSync(memory, fs.constants.W_OK);
    return memory;
  } catch {
    return os.tmpdir();
  }
}
