import type { Clock } from '@autopilot/sync-contract';

/** Rate of a bucket. */
export interface BucketOptions {
  /** Tokens a second while nobody complains. */
  readonly perSecond: number;
  /** Tokens of a bucket that is full. */
  readonly burst: number;
}

/** How far complaints slow a bucket down: to this part of its rate. */
const slowest = 1 / 64;
/** What every token that was well spent gives back, as a part of the full rate. */
const recovery = 1 / 50;

/**
 * Paces what goes to a relay. `slowDown` halves the rate and empties the bucket; every `recover` gives a little back, up
 * to the rate of its options.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #options: BucketOptions;
  #rate: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, options: BucketOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#rate = options.perSecond;
    this.#tokens = options.burst;
    this.#at = clock.monotonic();
  }

  /** Tokens a second at present. */
  get perSecond(): number {
    return this.#rate;
  }

  /** Whole tokens that there are now. */
  get tokens(): number {
    this.#fill();
    return Math.floor(this.#tokens);
  }

  /** Takes a token when there is one. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until there is a token; 0 when there is one. */
  waitMs(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#rate) * 1000);
  }

  slowDown(): void {
    this.#fill();
    this.#rate = Math.max(this.#options.perSecond * slowest, this.#rate / 2);
    this.#tokens = 0;
  }

  recover(): void {
    this.#fill();
    this.#rate = Math.min(this.#options.perSecond, this.#rate + this.#options.perSecond * recovery);
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#options.burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
    this.#at = now;
  }
}
