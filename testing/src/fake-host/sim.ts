import type { Ports } from '@autopilot/sync-contract';

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Made by the session, in contrast to what the simulated network has under way. */
  readonly owned: boolean;
}

/** Simulated time, timers and chance of one test. Nothing happens by itself: `until` and `advance` run it. */
export class Sim {
  readonly ports: Ports;
  #now = 1_800_000_000_000;
  #order = 0;
  #tasks: Task[] = [];
  #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
    this.ports = {
      clock: { now: () => this.#now, monotonic: () => this.#now - 1_700_000_000_000 },
      random: { next: () => this.random(), bytes: (length) => new Uint8Array(length) },
      scheduler: { after: (milliseconds, task) => this.after(milliseconds, task, true) },
    };
  }

  get now(): number {
    return this.#now;
  }

  /** Timers of the session that wait. */
  get timers(): number {
    return this.#tasks.filter((task) => task.owned).length;
  }

  random(): number {
    // mulberry32
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  after(milliseconds: number, run: () => void, owned = false): () => void {
    this.#order += 1;
    const task: Task = { at: this.#now + Math.max(0, milliseconds), order: this.#order, run, owned };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  }

  /** Runs until the condition holds; fails when nothing is left to happen, or after an hour of simulated time. */
  async until(condition: () => boolean, what = condition.toString()): Promise<void> {
    const limit = this.#now + 3_600_000;
    for (;;) {
      await settle();
      if (condition()) return;
      if (this.#tasks.length === 0) throw new Error(`Nothing is left to happen, waiting for: ${what}`);
      if (this.#now > limit) throw new Error(`An hour of simulated time went by, waiting for: ${what}`);
      this.#step();
    }
  }

  /** Runs everything that is due within so many milliseconds. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      await settle();
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#step();
    }
    this.#now = end;
    await settle();
  }

  /** Jumps without running anything, as a suspended machine does. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds;
  }

  #next(): Task | undefined {
    let next: Task | undefined;
    for (const task of this.#tasks) {
      if (next === undefined || task.at < next.at || (task.at === next.at && task.order < next.order)) next = task;
    }
    return next;
  }

  #step(): void {
    const task = this.#next();
    if (task === undefined) return;
    this.#tasks = this.#tasks.filter((other) => other !== task);
    this.#now = Math.max(this.#now, task.at);
    task.run();
  }
}

/** Lets promises run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}
