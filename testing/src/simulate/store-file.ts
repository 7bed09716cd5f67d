import type { Chance } from './chance.ts';
import type { Disk } from './disk.ts';
import type { Settings } from './plan.ts';

/** The log before and after a write that was not finished. */
export interface Written {
  readonly before: number;
  readonly after: number;
}

/** What is left of a file when its process has ended. */
export interface Remains {
  /** The file as it was; nobody needs it once its store is closed. */
  readonly old: string;
  /** Bytes of the log that are left, and that there were. */
  readonly kept: number;
  readonly of: number;
}

/** The file that the store of a run lies in, through all lives of the client. */
export class StoreFile {
  path: string;
  /** The database cannot grow. */
  isFull = false;
  readonly #disk: Disk;
  readonly #isSyncedAtOnce: boolean;
  readonly #chance: Chance;
  /** Bytes of the log that a loss of power leaves in any case. */
  #synced = 0;

  constructor(disk: Disk, synchronous: Settings['synchronous'], chance: Chance) {
    this.#disk = disk;
    this.#isSyncedAtOnce = synchronous === 'FULL';
    this.#chance = chance;
    this.path = disk.fresh();
  }

  /** Bytes of the write-ahead log. */
  get logSize(): number {
    return this.#disk.logSize(this.path);
  }

  /** What the database may grow to; undefined for whatever it needs. */
  get limit(): number | undefined {
    return this.isFull ? this.#disk.size(this.path) : undefined;
  }

  /** A write has returned. */
  wrote(): void {
    if (this.#isSyncedAtOnce) this.#synced = this.logSize;
  }

  /** The store was closed: that moves the log into the database, and syncs both. */
  closed(): void {
    this.#synced = 0;
  }

  /** The process ends, in the middle of a write if there is one; `share` of 1 of that write has reached the log. */
  end(by: 'kill' | 'power', written: Written | undefined, share: number): Remains {
    const old = this.path;
    const of = this.logSize;
    let kept = written === undefined ? of : written.before + Math.floor(share * (written.after - written.before));
    if (by === 'power') {
      kept = this.#chance.whole(Math.min(this.#synced, kept), kept);
      this.#synced = kept;
    }
    this.path = this.#disk.remains(old, kept);
    return { old, kept, of };
  }

  /** Removes it. */
  remove(): void {
    this.#disk.remove(this.path);
  }
}
