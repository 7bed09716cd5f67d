import { randomBytes } from 'node:crypto';
import type { Ports } from '@autopilot/sync-contract';

/** Time that stands until it is moved. */
export class ManualPorts implements Ports {
  time = 1_800_000_000_000;
  private tasks: { readonly at: number; readonly task: () => void }[] = [];

  readonly clock = { now: () => this.time, monotonic: () => this.time };
  readonly random = { next: () => Math.random(), bytes: (length: number) => new Uint8Array(randomBytes(length)) };
  readonly scheduler = {
    after: (milliseconds: number, task: () => void) => {
      const entry = { at: this.time + milliseconds, task };
      this.tasks.push(entry);
      return () => {
        this.tasks = this.tasks.filter((other) => other !== entry);
      };
    },
  };

  /** Moves time and runs what is due, in order. */
  advance(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const next = this.tasks.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.tasks = this.tasks.filter((entry) => entry !== next);
      this.time = Math.max(this.time, next.at);
      next.task();
    }
    this.time = end;
  }
}
