import { backoffDelay, type Cancel } from '@autopilot/sync-contract';
import type { NostrEvent } from '../event/event.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import type { LinkContext } from './link-context.ts';
import { newRelayCounters, type RelayCounters } from './relay-counters.ts';
import { askInformation, foretold, noInformation, type RelayInformation } from './relay-information.ts';
import { type LossReason, RelayLink } from './relay-link.ts';
import { type RelayEnvironment, type RelaySettings, relaySettings, relayUrl } from './relay-options.ts';
import { type RelayInput, type RelayState, relayTransitions } from './relay-states.ts';
import type { RelaySubscription } from './relay-subscriptions.ts';
import { TokenBucket } from './token-bucket.ts';
import { retry, type Verdict } from './verdict.ts';

/** What a relay tells its owner. Its callbacks must not throw. */
export interface RelayHost {
  /** It may be possible to publish now. */
  mayPublish?(): void;
  /** An OK that came after its deadline, or that nobody asked for. */
  late?(id: string, verdict: Verdict): void;
}

/** What is known of a relay. */
export interface RelayStatus {
  readonly url: string;
  readonly state: RelayState;
  readonly breaker: BreakerState;
  /** Events a second that it is sent at most. */
  readonly eventsPerSecond: number;
  readonly lastLoss: { readonly reason: LossReason; readonly detail: string } | undefined;
  readonly lastNotice: string | undefined;
  readonly counters: RelayCounters;
}

/** Between two times that a bucket is slowed down: the answers to what was sent at once are one complaint. */
const complaintMs = 1_000;

/** One relay: at most one websocket at a time, made again with backoff for as long as it is not closed. */
export class Relay {
  readonly url: string;
  readonly settings: RelaySettings;
  readonly counters = newRelayCounters();
  readonly #environment: RelayEnvironment;
  readonly #context: LinkContext;
  readonly #host: RelayHost;
  readonly #breaker: Breaker;
  readonly #bucket: TokenBucket;
  readonly #subscriptions = new Map<string, { readonly subscription: RelaySubscription; cancelRetry: Cancel }>();
  #state: RelayState = 'idle';
  #link: RelayLink | undefined;
  #information: RelayInformation = noInformation;
  #failures = 0;
  #slowedAt = Number.NEGATIVE_INFINITY;
  #cancelRetry: Cancel = () => {};
  #lastLoss: RelayStatus['lastLoss'];
  #lastNotice: string | undefined;

  /** @throws {BridgeError} `invalid_option` */
  constructor(url: string, environment: RelayEnvironment, host: RelayHost = {}) {
    const { ports, sockets, signer } = environment;
    this.url = relayUrl(url);
    this.settings = relaySettings(environment.settings);
    this.#environment = environment;
    this.#host = host;
    this.#breaker = new Breaker(ports, this.settings.breaker);
    this.#bucket = new TokenBucket(ports.clock, this.settings.outbound);
    this.#context = { url: this.url, ports, sockets, signer, settings: this.settings, counters: this.counters };
  }

  get state(): RelayState {
    return this.#state;
  }

  status(): RelayStatus {
    return {
      url: this.url,
      state: this.#state,
      breaker: this.#breaker.state,
      eventsPerSecond: this.#bucket.perSecond,
      lastLoss: this.#lastLoss,
      lastNotice: this.#lastNotice,
      counters: { ...this.counters },
    };
  }

  start(): void {
    if (!this.#move('start')) return;
    const { http, ports } = this.#environment;
    if (http !== undefined) {
      void askInformation(http, ports.scheduler, this.url, this.settings.informationMs).then((information) => {
        this.#information = information;
      });
    }
    this.#connect();
  }

  /** Ends the connection for good. What is in flight settles as `closed`. */
  close(): void {
    if (!this.#move('close')) return;
    this.#cancelRetry();
    for (const { cancelRetry } of this.#subscriptions.values()) cancelRetry();
    this.#link?.end('ended-here', 'Closed by its owner.');
  }

  /** Milliseconds until an event may be sent; undefined when that does not depend on time alone. */
  publishWaitMs(): number | undefined {
    return this.#seats() === 0 ? undefined : this.#bucket.waitMs();
  }

  /** Events that may be sent now. */
  publishRoom(): number {
    return Math.min(this.#seats(), this.#bucket.tokens);
  }

  /** Sends an event once and says what came of it, within `publishMs`. Never throws, never tries again by itself. */
  publish(event: NostrEvent): Promise<Verdict> {
    const bytes = Buffer.byteLength(JSON.stringify(['EVENT', event]));
    const now = Math.floor(this.#environment.ports.clock.now() / 1000);
    const verdict = foretold(this.#information, event, bytes, now);
    if (verdict !== undefined) return Promise.resolve(verdict);
    if (this.publishWaitMs() !== 0 || !this.#bucket.take() || this.#link === undefined) {
      return Promise.resolve(retry('not-sent', `Not possible now: the relay is ${this.#state}.`));
    }
    return this.#link.publish(event).then((answer) => {
      if (answer.outcome === 'accepted') this.#bucket.recover();
      this.#host.mayPublish?.();
      return answer;
    });
  }

  /** Keeps a subscription over all connections until it is taken back, or the relay says that it never will. */
  subscribe(subscription: RelaySubscription): Cancel {
    let failures = 0;
    const entry = { subscription: { ...subscription }, cancelRetry: () => {} };
    const open = () => {
      if (this.#state === 'open') this.#link?.subscribe(entry.subscription);
    };
    entry.subscription.eose = () => {
      failures = 0;
      subscription.eose();
    };
    entry.subscription.closed = (verdict) => {
      subscription.closed(verdict);
      if (verdict.outcome === 'rejected') this.#subscriptions.delete(subscription.id);
      else {
        const { ports } = this.#environment;
        entry.cancelRetry = ports.scheduler.after(backoffDelay(this.settings.backoff, failures, ports.random), open);
        failures += 1;
      }
    };
    this.#subscriptions.set(subscription.id, entry);
    open();
    return () => {
      entry.cancelRetry();
      if (this.#subscriptions.get(subscription.id) !== entry) return;
      this.#subscriptions.delete(subscription.id);
      this.#link?.unsubscribe(subscription.id);
    };
  }

  /** Events that may be in flight beside those that are. */
  #seats(): number {
    if (this.#state !== 'open' || this.#link === undefined) return 0;
    const most = this.#breaker.state === 'half-open' ? 1 : this.settings.maxInFlight;
    return Math.max(0, most - this.#link.inFlight);
  }

  #connect(): void {
    let link: RelayLink | undefined;
    const mine = (task: () => void) => {
      if (link === undefined || this.#link === link) task();
      else this.counters.stale_callbacks += 1;
    };
    link = new RelayLink(this.#context, {
      opened: () => mine(() => this.#opened()),
      proven: () => mine(() => this.#proven()),
      failed: () => mine(() => this.#failed()),
      late: (id, verdict) => this.#host.late?.(id, verdict),
      rateLimited: () => this.#slowDown(),
      noticed: (message) => {
        this.#lastNotice = message;
      },
      lost: (reason, detail, retryAfterMs) => mine(() => this.#lost(reason, detail, retryAfterMs)),
    });
    this.#link = link;
  }

  #opened(): void {
    this.#move('opened');
    this.counters.connections += 1;
    for (const { subscription, cancelRetry } of [...this.#subscriptions.values()]) {
      cancelRetry();
      this.#link?.subscribe(subscription);
    }
    this.#host.mayPublish?.();
  }

  /** Only an answer proves that a relay works: an open connection does not. */
  #proven(): void {
    this.#failures = 0;
    this.#breaker.succeeded();
  }

  #failed(): void {
    if (!this.#breaker.failed()) return;
    this.counters.breaker_trips += 1;
    this.#link?.end('breaker', 'The breaker opened.');
  }

  #lost(reason: LossReason, detail: string, retryAfterMs: number): void {
    this.#link = undefined;
    this.counters.losses += 1;
    this.#lastLoss = { reason, detail };
    if (this.#state === 'closed') return;
    this.#move('lost');
    if (reason !== 'breaker' && this.#breaker.failed()) this.counters.breaker_trips += 1;
    this.#schedule(retryAfterMs);
    this.#failures += 1;
  }

  #schedule(retryAfterMs: number): void {
    const { ports } = this.#environment;
    const delay = backoffDelay(this.settings.backoff, this.#failures, ports.random, retryAfterMs);
    this.#cancelRetry = ports.scheduler.after(Math.max(delay, this.#breaker.waitMs()), () => {
      // A timer may come a little before the breaker's own time.
      if (!this.#breaker.pass()) return this.#schedule(0);
      if (this.#move('retry')) this.#connect();
    });
  }

  #slowDown(): void {
    const now = this.#environment.ports.clock.monotonic();
    if (now - this.#slowedAt < complaintMs) return;
    this.#slowedAt = now;
    this.#bucket.slowDown();
  }

  #move(input: RelayInput): boolean {
    const next = relayTransitions[this.#state][input];
    if (next === undefined) this.counters.stale_callbacks += 1;
    else this.#state = next;
    return next !== undefined;
  }
}
