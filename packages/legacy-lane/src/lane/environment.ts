import type { Cancel, Clock, Ports, Random } from '@autopilot/sync-contract';
import type { Outbox } from './outbox.ts';
import type { Counters } from './stats.ts';

/** What every part of one lane shares. */
export class Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly outbox: Outbox;
  readonly #ports: Ports;

  constructor(ports: Ports, counters: Counters, outbox: Outbox) {
    this.#ports = ports;
    this.clock = ports.clock;
    this.random = ports.random;
    this.counters = counters;
    this.outbox = outbox;
  }

  /** Later, as a turn of its own. */
  after(milliseconds: number, task: () => void): Cancel {
    return this.#ports.scheduler.after(milliseconds, () => this.outbox.turn(task));
  }

  /** Counts one of something that is counted by code. */
  count<Code extends string>(table: Partial<Record<Code, number>>, code: Code): void {
    table[code] = (table[code] ?? 0) + 1;
  }
}
