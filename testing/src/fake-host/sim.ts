import type { Ports } from '@autopilot/sync-contract';
import { seededRandom } from './seeded-random.ts';
import { type Task, TaskHeap } from './task-heap.ts';

/** Simulated time, timers and chance of one test. Nothing happens by itself: `until`, `advance` and `step` run it. */
export class Sim {
  readonly ports: Ports;
  /** Chance: a number from 0 (included) to 1 (excluded). */
  readonly random: () => number;
  readonly #tasks = new TaskHeap();
  #now = 1_800_000_000_000;
  /** What the wall clock has gained over the monotonic one. */
  #ahead = 0;
  #order = 0;
  #owned = 0;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
    this.ports = {
      clock: { now: () => this.now, monotonic: () => this.#now - 1_700_000_000_000 },
      random: { next: this.random, bytes: (length) => new Uint8Array(length) },
      scheduler: { after: (milliseconds, task) => this.after(milliseconds, task, true) },
    };
  }

  get now(): number {
    return this.#now + this.#ahead;
  }

  /** Timers of the session that wait. */
  get timers(): number {
    return this.#owned;
  }

  after(milliseconds: number, run: () => void, owned = false): () => void {
    this.#order += 1;
    const at = this.#now + Math.max(0, milliseconds);
    const task: Task = { at, order: this.#order, run, owned, done: false };
    this.#tasks.push(task);
    if (owned) this.#owned += 1;
    return () => this.#end(task);
  }

  /** Goes to what happens next, and lets it happen; false when nothing is left to happen, or not before `limit`. */
  step(limit = Number.POSITIVE_INFINITY): boolean {
    const next = this.#tasks.peek();
    if (next === undefined || next.at > limit) return false;
    this.#tasks.pop();
    this.#end(next);
    this.#now = Math.max(this.#now, next.at);
    next.run();
    return true;
  }

  /** Runs until the condition holds; fails when nothing is left to happen, or after an hour of simulated time. */
  async until(condition: () => boolean, what = condition.toString()): Promise<void> {
    const limit = this.#now + 3_600_000;
    for (;;) {
      await settle();
      if (condition()) return;
      if (this.#now > limit) throw new Error(`An hour of simulated time went by, waiting for: ${what}`);
      if (!this.step()) throw new Error(`Nothing is left to happen, waiting for: ${what}`);
    }
  }

  /** Runs everything that is due within so many milliseconds. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    do await settle();
    while (this.step(end));
    this.#now = Math.max(this.#now, end);
    await settle();
  }

  /** Jumps without running anything, as a suspended machine does. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /**
   * Sets the wall clock, ahead or back. Also what a machine sees whose timers and monotonic clock stood still while it was
   * suspended.
   */
  jump(milliseconds: number): void {
    this.#ahead += milliseconds;
  }

  #end(task: Task): void {
    if (task.done) return;
    task.done = true;
    if (task.owned) this.#owned -= 1;
  }
}

/** Lets promises run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}
