import { type BackoffPolicy, backoffDelay, type Cancel, type CodedError } from '@autopilot/sync-contract';
import type { Environment } from './environment.ts';
import type { Grant } from './module/views.ts';
import type { Subscription, SubscriptionHandlers } from './rows/subscription.ts';
import type { GrantChange } from './session.ts';

/** What grants are followed with. */
export interface GrantsHost {
  subscribe(handlers: SubscriptionHandlers<Grant>): Subscription<Grant>;
  /** As a turn, with what listeners are told. */
  tell(change: GrantChange): void;
}

/**
 * The grants of an identity. They stay as last known while nothing can be heard of them, and a query that the host
 * refuses or drops is asked again: without it a stream that is granted later would never be read.
 */
export class Grants {
  #all: readonly Grant[] = [];
  #error: CodedError<string> | undefined;
  #failures = 0;
  /** Monotonic; since when the query is served. */
  #servedSince: number | undefined;
  #cancel: Cancel = () => {};
  readonly #env: Environment;
  readonly #host: GrantsHost;
  readonly #backoff: BackoffPolicy;
  readonly #provenAfterMs: number;

  constructor(env: Environment, host: GrantsHost, settings: { backoff: BackoffPolicy; provenAfterMs: number }) {
    this.#env = env;
    this.#host = host;
    this.#backoff = settings.backoff;
    this.#provenAfterMs = settings.provenAfterMs;
  }

  get all(): readonly Grant[] {
    return this.#all;
  }

  /** Why they cannot be heard of; undefined while they can. */
  get error(): CodedError<string> | undefined {
    return this.#error;
  }

  follow(): void {
    const subscription = this.#host.subscribe({
      batch: ({ source }) => {
        this.#error = undefined;
        this.#servedSince ??= this.#env.ports.clock.monotonic();
        this.#changeTo(subscription.rows('my_streams'), source !== 'transaction');
      },
      failed: (error) => {
        subscription.end();
        this.#error = error;
        this.#again();
      },
    });
  }

  /** Ends the timer; the subscription ends with its session. */
  stop(): void {
    this.#cancel();
  }

  #again(): void {
    const { ports } = this.#env;
    const served = this.#servedSince === undefined ? 0 : ports.clock.monotonic() - this.#servedSince;
    this.#servedSince = undefined;
    this.#failures = served >= this.#provenAfterMs ? 1 : this.#failures + 1;
    const delay = backoffDelay(this.#backoff, this.#failures, ports.random);
    this.#cancel = this.#env.after(delay, () => this.follow());
  }

  /** A new connection tells its grants even when they are the same: it may be one to another database. */
  #changeTo(all: readonly Grant[], isTold: boolean): void {
    const before = new Set(this.#all.map(keyOf));
    const after = new Set(all.map(keyOf));
    const added = all.filter((grant) => !before.has(keyOf(grant)));
    const removed = this.#all.filter((grant) => !after.has(keyOf(grant)));
    this.#all = all;
    if (isTold || added.length + removed.length > 0) this.#host.tell({ all, added, removed });
  }
}

function keyOf({ stream_id, role, expires_at }: Grant): string {
  return `${role} ${expires_at ?? ''} ${stream_id}`;
}
