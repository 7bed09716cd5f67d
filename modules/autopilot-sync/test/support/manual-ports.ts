import type { Ports } from '@autopilot/sync-contract';

/** Time that moves only when told to, and chance from a counter. */
export class ManualPorts implements Ports {
  #now: number;
  #tasks: { at: number; task: () => void }[] = [];
  #step = 0;

  constructor(now: number) {
    this.#now = now;
  }

  readonly clock = { now: () => this.#now, monotonic: () => this.#now };

  readonly scheduler = {
    after: (milliseconds: number, task: () => void) => {
      const entry = { at: this.#now + Math.max(0, milliseconds), task };
      this.#tasks.push(entry);
      return () => {
        this.#tasks = this.#tasks.filter((other) => other !== entry);
      };
    },
  };

  readonly random = {
    next: () => {
      this.#step = (this.#step * 1_103_515_245 + 12_345) % 2 ** 31;
      return this.#step / 2 ** 31;
    },
    bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(this.random.next() * 256)),
  };

  /** Moves time on, running what falls due in its order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#tasks.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#tasks = this.#tasks.filter((entry) => entry !== due);
      this.#now = Math.max(this.#now, due.at);
      due.task();
    }
    this.#now = end;
  }
}
