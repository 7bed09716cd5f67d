import { type BackoffPolicy, backoffDelay, type Ports } from '@autopilot/sync-contract';

/** `open`: nothing is tried. `half-open`: one thing is tried, and decides. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** When a breaker opens, and for how long. */
export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly threshold: number;
  /** How long it stays open; doubles with every trial that failed. */
  readonly cooldown: BackoffPolicy;
}

/** Keeps a relay that does not work from costing anything. Failures are forgotten only by a success. */
export class Breaker {
  readonly #ports: Ports;
  readonly #options: BreakerOptions;
  #state: BreakerState = 'closed';
  #failures = 0;
  #trips = 0;
  #until = 0;

  constructor(ports: Ports, options: BreakerOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Milliseconds until something may be tried; 0 unless it is open. */
  waitMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#until - this.#ports.clock.monotonic()) : 0;
  }

  /** Lets one thing be tried once the cooldown is over. @returns whether something may be tried now. */
  pass(): boolean {
    if (this.#state !== 'open') return true;
    if (this.waitMs() > 0) return false;
    this.#state = 'half-open';
    return true;
  }

  succeeded(): void {
    // What was asked before it opened is no proof of what is tried afterwards.
    if (this.#state === 'open') return;
    this.#state = 'closed';
    this.#failures = 0;
    this.#trips = 0;
  }

  /** @returns whether this failure opened it. */
  failed(): boolean {
    this.#failures += 1;
    const opens =
      this.#state === 'half-open' || (this.#state === 'closed' && this.#failures >= this.#options.threshold);
    if (!opens) return false;
    const delay = backoffDelay(this.#options.cooldown, this.#trips, this.#ports.random);
    this.#state = 'open';
    this.#trips += 1;
    this.#until = this.#ports.clock.monotonic() + delay;
    return true;
  }
}
