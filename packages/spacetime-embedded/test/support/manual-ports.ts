import type { Ports } from '@autopilot/sync-contract';

/** Ports whose time stands still until it is moved. */
export class ManualPorts implements Ports {
  #now: number;
  #seed = 1;
  readonly #tasks = new Set<{ readonly at: number; readonly task: () => void }>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  readonly clock = { now: () => this.#now, monotonic: () => this.#now };

  readonly random = {
    next: (): number => {
      this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return this.#seed / 0x80000000;
    },
    bytes: (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(this.random.next() * 256)),
  };

  readonly scheduler = {
    after: (milliseconds: number, task: () => void): (() => void) => {
      const entry = { at: this.#now + Math.max(0, milliseconds), task };
      this.#tasks.add(entry);
      return () => this.#tasks.delete(entry);
    },
  };

  get pending(): number {
    return this.#tasks.size;
  }

  /** Moves time and runs what becomes due, in order. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#tasks].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#tasks.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.task();
    }
    this.#now = until;
  }

  /** Moves time without running anything, as a machine that slept. */
  jump(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
