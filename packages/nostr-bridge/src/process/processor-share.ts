import type { Cancel, Clock, Scheduler } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';

/** What a share of the processor is kept with. */
export interface ShareParts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Processor time of the whole process, in milliseconds since any moment. */
  readonly spentMs: () => number;
  /** Stops the process for so many milliseconds: nothing of it runs. */
  readonly sleep: (milliseconds: number) => void;
}

/** Looks while there is something to do, and while there is nothing, in milliseconds. */
const busyLookMs = 5;
const idleLookMs = 25;
/** Processor time between two looks that is nothing to look at sooner, in milliseconds. */
const idleMs = 1;
/** Processor time that may be saved up, in milliseconds. */
const burstMs = 20;
/** A call of the owner waits no longer than this for one sleep, in milliseconds. */
const longestSleepMs = 500;
/** Nor does what was used in one go keep it from its work for longer than this, in milliseconds. */
const longestDebtMs = 10_000;

/** @throws {BridgeError} `invalid_option` */
export function checkShare(share: number): void {
  if (!(share > 0)) throw new BridgeError('invalid_option', 'The share of a processor must be above 0.');
}

/**
 * Keeps a process to a share of one processor, whatever it is that keeps it busy: it sleeps when it has used more. What
 * others send to it meanwhile waits in the network, and so do they.
 */
export class ProcessorShare {
  readonly #parts: ShareParts;
  readonly #share: number;
  #left = 0;
  #spent = 0;
  #at = 0;
  #cancel: Cancel = () => {};

  /** @param share Above 0; from 1 on it never sleeps. @throws {BridgeError} `invalid_option` */
  constructor(parts: ShareParts, share: number) {
    checkShare(share);
    this.#parts = parts;
    this.#share = share;
  }

  start(): void {
    this.#spent = this.#parts.spentMs();
    this.#at = this.#parts.clock.monotonic();
    if (this.#share < 1) this.#cancel = this.#parts.scheduler.after(busyLookMs, () => this.#look());
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const { clock, scheduler, spentMs, sleep } = this.#parts;
    const [spent, now] = [spentMs(), clock.monotonic()];
    const used = spent - this.#spent;
    this.#left = Math.min(burstMs, this.#left + (now - this.#at) * this.#share - used);
    this.#spent = spent;
    this.#at = now;
    if (this.#left < 0) {
      sleep(Math.min(longestSleepMs, -this.#left / this.#share));
      // What that does not pay for is paid by the next ones, and forgotten only where it is more than anything here uses.
      this.#left = Math.max(this.#left, -longestDebtMs * this.#share);
    }
    this.#cancel = scheduler.after(used > idleMs ? busyLookMs : idleLookMs, () => this.#look());
  }
}
