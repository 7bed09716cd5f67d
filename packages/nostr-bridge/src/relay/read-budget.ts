import type { Clock, Scheduler } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';

/** How much of one processor reading from relays may take. */
export interface ReadBudgetOptions {
  /** Of one processor, over time: above 0, and more than 1 where several are used. */
  readonly share: number;
  /** Milliseconds of processor time that may be used at once after a quiet time. */
  readonly burstMs: number;
}

/** What can stop reading for a while; what its peer sends meanwhile waits in the network. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/** What is used where nothing is said: a fifth of a processor. */
export const defaultReadBudget: ReadBudgetOptions = { share: 0.2, burstMs: 50 };

/**
 * Bounds the processor time that relays can cost by sending: when what was spent is used up, nothing is read from any of
 * them until there is time again. How long nothing is read is bounded as well, whatever was spent.
 */
export class ReadBudget {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #spentMs: () => number;
  readonly #options: ReadBudgetOptions;
  readonly #paused = new Set<Pausable>();
  #left: number;
  #spent: number;
  #at: number;
  /** How often reading was stopped. */
  pauses = 0;

  /**
   * @param spentMs Processor time of all that reading causes, in milliseconds since any moment.
   * @throws {BridgeError} `invalid_option`
   */
  constructor(
    { clock, scheduler }: { readonly clock: Clock; readonly scheduler: Scheduler },
    spentMs: () => number,
    options: ReadBudgetOptions = defaultReadBudget,
  ) {
    if (!(options.share > 0 && options.burstMs > 0)) {
      throw new BridgeError('invalid_option', 'share and burstMs of a read budget must be above 0.');
    }
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#spentMs = spentMs;
    this.#options = options;
    this.#left = options.burstMs;
    this.#spent = spentMs();
    this.#at = clock.monotonic();
  }

  /** To be called for whatever was read; stops reading where the budget is used up. */
  note(reader: Pausable): void {
    if (this.#paused.size === 0 && this.#count() >= 0) return;
    if (this.#paused.has(reader)) return;
    reader.pause();
    this.#paused.add(reader);
    if (this.#paused.size === 1) this.#resumeLater();
  }

  /** A reader that has ended. */
  forget(reader: Pausable): void {
    this.#paused.delete(reader);
  }

  #resumeLater(): void {
    this.pauses += 1;
    this.#scheduler.after(Math.max(1, -this.#left / this.#options.share), () => {
      // Something is read again whatever other work took meanwhile: relays must not wait for ever.
      this.#count();
      const readers = [...this.#paused];
      this.#paused.clear();
      for (const reader of readers) reader.resume();
    });
  }

  /** Milliseconds that are left; below 0 when more was spent than there was. */
  #count(): number {
    const { share, burstMs } = this.#options;
    const [spent, now] = [this.#spentMs(), this.#clock.monotonic()];
    const left = this.#left - (spent - this.#spent) + (now - this.#at) * share;
    this.#left = Math.max(-burstMs, Math.min(burstMs, left));
    this.#spent = spent;
    this.#at = now;
    return this.#left;
  }
}
