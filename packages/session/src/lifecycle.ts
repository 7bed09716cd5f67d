import { backoffDelay, type Cancel, type LaneSignal, type LaneState } from '@autopilot/sync-contract';
import type { CallQueue } from './calls/call-queue.ts';
import { type Close, type CloseCode, closeReasons } from './close-reasons.ts';
import type { ConnectionInfo, ConnectionPhase } from './connection.ts';
import { socketRequest } from './endpoint.ts';
import type { Environment } from './environment.ts';
import { Link, type LinkHost } from './link.ts';
import type { Settings } from './options.ts';
import { probe } from './probe.ts';
import type { SubscriptionRecord } from './rows/subscription.ts';
import type { StreamRecord } from './streams/record.ts';
import { type SessionToken, type TokenReason, TokenSource } from './token-source.ts';
import { nextState, type SessionEvent } from './transitions.ts';

/** Why a session changed its state: the end of a connection, or one of the ordinary steps. */
export type StateReason =
  | CloseCode
  | 'started'
  | 'token_ready'
  | 'initial_connection'
  | 'subscribed'
  | 'caught_up'
  | 'behind'
  | 'retry_due'
  | 'retry_requested'
  | 'drained';

/** What the lifecycle looks after. */
export interface LifecycleHost {
  readonly records: ReadonlyMap<string, StreamRecord>;
  readonly subscriptions: ReadonlySet<SubscriptionRecord>;
  readonly calls: CallQueue;
  emit(signal: LaneSignal): void;
  noticed(streamId: string, notice: string, detail: string): void;
}

/** A refresh is never begun sooner after a connection than this. */
const soonestRefreshMs = 1000;
/** A token counts as expired so long before it is, at most a tenth of its life: clocks differ. */
const skewMs = 30_000;
const probeTimeoutMs = 5000;

/** The life of a session: attempts, backoff, token refresh by a second connection, the end. */
export class Lifecycle implements LinkHost {
  state: LaneState = 'idle';
  since: number;
  attempt = 0;
  failures = 0;
  lastClose: (Close & { readonly at: number }) | undefined;
  readonly #env: Environment;
  readonly #settings: Settings;
  readonly #host: LifecycleHost;
  readonly #tokens: TokenSource;
  readonly #links = new Set<Link>();
  #primary: Link | undefined;
  #candidate: Link | undefined;
  #retryAt: number | undefined;
  #attemptedAt: number | undefined;
  #reason: TokenReason = 'start';
  /** The token that the server refused; a second refusal, or the same token again, is final. */
  #refused: string | undefined;
  #identity: string | undefined;
  #refreshFailures = 0;
  #closing: Promise<void> | undefined;
  #cancelRetry: Cancel = () => {};
  #cancelProven: Cancel = () => {};
  #cancelRefresh: Cancel = () => {};
  #cancelOverdue: Cancel = () => {};
  #cancelProbe: Cancel = () => {};
  #finishHandover: () => void = () => {};

  constructor(env: Environment, settings: Settings, host: LifecycleHost) {
    this.#env = env;
    this.#settings = settings;
    this.#host = host;
    this.#tokens = new TokenSource(env, settings.token, settings.tokenTimeoutMs);
    this.since = env.ports.clock.now();
  }

  get records(): ReadonlyMap<string, StreamRecord> {
    return this.#host.records;
  }

  get subscriptions(): ReadonlySet<SubscriptionRecord> {
    return this.#host.subscriptions;
  }

  get primary(): Link | undefined {
    return this.#primary;
  }

  get refreshing(): boolean {
    return this.#candidate !== undefined;
  }

  get token(): SessionToken | undefined {
    return this.#primary?.token ?? this.#tokens.current;
  }

  get nextRetryMs(): number | undefined {
    if (this.#retryAt === undefined) return undefined;
    return Math.max(0, Math.round(this.#retryAt - this.#env.ports.clock.monotonic()));
  }

  /** The links that streams and subscriptions are to be read over: the primary one and one that is to take over. */
  *links(): Iterable<Link> {
    if (this.#primary !== undefined) yield this.#primary;
    if (this.#candidate !== undefined) yield this.#candidate;
  }

  start(): void {
    if (this.state === 'idle') this.#attemptNow('start', 'started');
  }

  /** Does not wait any longer, but keeps the floor between two attempts. Leaves `needs-auth` and `failed`. */
  retryNow(): void {
    if (this.state !== 'backoff' && this.state !== 'needs-auth' && this.state !== 'failed') return;
    if (this.state !== 'backoff') {
      this.failures = 0;
      this.#refused = undefined;
      this.#reason = 'unauthorized';
    }
    const now = this.#env.ports.clock.monotonic();
    const soonest = (this.#attemptedAt ?? Number.NEGATIVE_INFINITY) + this.#settings.backoff.floorMs;
    this.#scheduleRetry(Math.max(0, soonest - now), 'retry_requested');
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /** The host says that a token is over: fetch another one now. */
  tokenExpired(link: Link | undefined): void {
    if (link?.running === true) this.#refresh(link);
  }

  /** An append was answered without its receipt: what the live queries should bring does not arrive here. */
  receiptMissing(): void {
    const message = 'An append was answered without its receipt, so the live queries are not served.';
    this.#primary?.connection.terminate({ code: 'subscription_lost', message });
  }

  /** Streams or subscriptions were added, moved or removed. */
  evaluate(): void {
    if (this.#candidate?.caughtUp === true) this.#takeOver(this.#candidate);
    const stale = [...this.records.values()].some((record) => record.standing === 'stale');
    if (this.state === 'replaying' && this.#primary?.caughtUp === true && !stale) {
      this.#move('caught-up', 'caught_up');
      this.#cancelProven = this.#env.after(this.#settings.provenAfterMs, () => this.#proven());
    } else if (this.state === 'live' && (this.#primary?.behind !== false || stale)) {
      this.#cancelProven();
      this.#move('behind', 'behind');
    }
  }

  isPrimary(link: Link): boolean {
    return link === this.#primary;
  }

  ready(link: Link, info: ConnectionInfo): void {
    const expected = this.#identity ?? link.token.identity?.toLowerCase() ?? info.identity;
    if (info.identity !== expected) {
      const message = `The token leads to identity ${info.identity}, this session belongs to ${expected}.`;
      link.connection.close({ code: 'identity_changed', message });
      return;
    }
    this.#identity = info.identity;
    this.#refused = undefined;
    if (link === this.#primary) this.#move('initial', 'initial_connection');
  }

  subscribed(link: Link): void {
    if (link !== this.#primary) return;
    this.#move('subscribed', 'subscribed');
    this.#host.calls.use(link.connection);
    this.#scheduleRefresh(link);
  }

  progress(): void {
    this.evaluate();
  }

  useful(): void {
    this.#proven();
  }

  emit(signal: LaneSignal): void {
    this.#host.emit(signal);
  }

  noticed(streamId: string, notice: string, detail: string): void {
    this.#host.noticed(streamId, notice, detail);
  }

  ended(link: Link, close: Close, phase: ConnectionPhase): void {
    if (this.state === 'draining' || this.state === 'closed') return;
    if (link === this.#candidate) {
      this.#candidate = undefined;
      if (close.code === 'identity_changed') this.#lost(close);
      else this.#refreshFailed(close);
    } else if (link === this.#primary) {
      this.#primary = undefined;
      if (phase === 'opened' && close.code === 'network') this.#askWhy(link.token, close);
      else this.#lost(close);
    }
  }

  #askWhy(token: SessionToken, close: Close): void {
    const message = `${close.message} (before InitialConnection)`;
    this.#cancelProbe = probe(this.#env, this.#settings.http, token, probeTimeoutMs, (refusal) =>
      this.#lost(refusal ?? { ...close, message }),
    );
  }

  #move(event: SessionEvent, reason: StateReason, message?: string): boolean {
    const from = this.state;
    const to = nextState(from, event);
    if (to === undefined) {
      this.#env.counters.illegal_transitions += 1;
      return false;
    }
    this.state = to;
    this.since = this.#env.ports.clock.now();
    this.#host.emit({ type: 'state', from, to, reason, ...(message === undefined ? {} : { message }) });
    return true;
  }

  #attemptNow(event: 'start' | 'retry', reason: StateReason): void {
    this.#retryAt = undefined;
    if (!this.#move(event, reason)) return;
    this.attempt += 1;
    this.#env.counters.attempts += 1;
    this.#attemptedAt = this.#env.ports.clock.monotonic();
    const attempt = this.attempt;
    this.#tokens.obtain(this.#reason, (outcome) => {
      if (attempt !== this.attempt || this.state !== 'authenticating') {
        this.#env.counters.stale_callbacks += 1;
      } else if ('close' in outcome) {
        this.#lost(outcome.close);
      } else if (outcome.token.token === this.#refused) {
        const why = this.lastClose?.message ?? 'The token was refused.';
        const message = `${why} The token provider gave the same token again.`;
        this.#end({ code: 'unauthorized', message }, 'needs-auth');
      } else {
        this.#reason = 'reconnect';
        this.#move('token', 'token_ready');
        this.#primary = this.#open(outcome.token);
      }
    });
  }

  #open(token: SessionToken): Link {
    const request = socketRequest(token, this.#settings.readMode === 'confirmed');
    const link = new Link(this.#env, this, token, { ...this.#settings, request });
    this.#links.add(link);
    void link.connection.gone.then(() => this.#links.delete(link));
    return link;
  }

  /** The attempt or the connection in use is over. */
  #lost(close: Close): void {
    const refusedBefore = this.#refused;
    const token = this.#tokens.current?.token;
    const { aftermath } = closeReasons[close.code];
    if (aftermath === 'refresh' && refusedBefore === undefined) {
      this.#refused = token;
      this.#reason = 'unauthorized';
      this.#end(close, 'backoff');
    } else if (aftermath === 'refresh' || aftermath === 'needs-auth') {
      this.#end(close, 'needs-auth');
    } else {
      this.#end(close, aftermath === 'failed' ? 'failed' : 'backoff');
    }
  }

  #end(close: Close, next: 'backoff' | 'needs-auth' | 'failed'): void {
    this.#teardown(close);
    const { counters, ports } = this.#env;
    counters.closes[close.code] = (counters.closes[close.code] ?? 0) + 1;
    this.lastClose = { ...close, at: ports.clock.now() };
    if (next !== 'backoff') {
      this.#move(next === 'failed' ? 'fatal' : 'auth-needed', close.code, close.message);
      return;
    }
    this.#move('lost', close.code, close.message);
    const delay = backoffDelay(this.#settings.backoff, this.failures, ports.random, close.retry_after_ms);
    this.failures += 1;
    this.#scheduleRetry(delay, 'retry_due');
  }

  #scheduleRetry(delay: number, reason: StateReason): void {
    this.#cancelRetry();
    this.#retryAt = this.#env.ports.clock.monotonic() + delay;
    this.#cancelRetry = this.#env.after(delay, () => this.#attemptNow('retry', reason));
  }

  #teardown(close: Close): void {
    this.#cancelProven();
    this.#cancelRefresh();
    this.#cancelOverdue();
    this.#cancelProbe();
    this.#finishHandover();
    this.#host.calls.use(undefined);
    const links = [this.#candidate, this.#primary];
    this.#candidate = undefined;
    this.#primary = undefined;
    for (const link of links) link?.connection.terminate(close);
    this.#host.calls.lost();
  }

  #proven(): void {
    this.failures = 0;
  }

  #scheduleRefresh(link: Link): void {
    const now = this.#env.ports.clock.now();
    const { refresh_after, expires_at } = link.token;
    this.#cancelRefresh();
    this.#cancelRefresh = this.#env.after(Math.max(soonestRefreshMs, refresh_after - now), () => this.#refresh(link));
    const skew = Math.min(skewMs, (expires_at - now) / 10);
    this.#cancelOverdue();
    this.#cancelOverdue = this.#env.after(Math.max(soonestRefreshMs, expires_at - skew - now), () => {
      const message = 'The token could not be replaced before its end.';
      if (link === this.#primary) link.connection.close({ code: 'refresh_overdue', message });
    });
  }

  /** Make before break: a second connection catches up, takes over, and only then the first one is closed. */
  #refresh(link: Link): void {
    if (link !== this.#primary || this.#candidate !== undefined) return;
    this.#cancelRefresh();
    this.#tokens.obtain('refresh', (outcome) => {
      if (link !== this.#primary || this.#candidate !== undefined) {
        this.#env.counters.stale_callbacks += 1;
      } else if ('close' in outcome) {
        this.#refreshFailed(outcome.close);
      } else if (outcome.token.database !== link.token.database || outcome.token.uri !== link.token.uri) {
        // Two connections feed one merge while one takes over, so both have to read the same streams.
        const message = `The new token leads to ${outcome.token.database} at ${outcome.token.uri}.`;
        link.connection.close({ code: 'database_moved', message });
      } else {
        this.#candidate = this.#open(outcome.token);
      }
    });
  }

  #refreshFailed(close: Close): void {
    const { counters, ports } = this.#env;
    counters.refresh_failures += 1;
    this.lastClose = { ...close, at: ports.clock.now() };
    const link = this.#primary;
    if (link === undefined) return;
    const { backoff } = this.#settings;
    const delay = backoffDelay(backoff, this.#refreshFailures, ports.random, close.retry_after_ms);
    this.#refreshFailures += 1;
    this.#cancelRefresh = this.#env.after(delay, () => this.#refresh(link));
  }

  #takeOver(link: Link): void {
    const old = this.#primary;
    const { calls } = this.#host;
    this.#candidate = undefined;
    this.#primary = link;
    this.#refreshFailures = 0;
    this.#env.counters.refreshes += 1;
    old?.retire();
    link.adoptRows();
    this.#scheduleRefresh(link);
    // Calls in flight end on the old connection before new ones go over the new one, so that none overtakes another.
    calls.use(undefined);
    let over = false;
    const finish = () => {
      if (over) return;
      over = true;
      cancel();
      old?.connection.close({ code: 'handed_over', message: 'A connection with a newer token took over.' });
      calls.lost();
      if (this.#primary === link) calls.use(link.connection);
    };
    const cancel = this.#env.after(this.#settings.drainMs, finish);
    this.#finishHandover = finish;
    calls.whenIdle(finish);
  }

  async #drain(): Promise<void> {
    const { calls } = this.#host;
    const message = 'The owner closed the session.';
    this.#env.turns.run(() => {
      this.#move('close', 'closed_by_owner', message);
      this.#retryAt = undefined;
      for (const cancel of [this.#cancelRetry, this.#cancelProven, this.#cancelRefresh, this.#cancelOverdue]) cancel();
      this.#cancelProbe();
      this.#tokens.abort();
      this.#candidate?.connection.close({ code: 'closed_by_owner', message });
      calls.use(undefined);
      calls.end();
    });
    await new Promise<void>((resolve) => {
      const cancel = this.#env.after(this.#settings.drainMs, resolve);
      calls.whenIdle(() => {
        cancel();
        resolve();
      });
    });
    this.#finishHandover();
    calls.use(undefined);
    const links = [...this.#links];
    this.#env.turns.run(() => {
      for (const link of links) link.connection.close({ code: 'closed_by_owner', message });
      calls.end();
    });
    await Promise.all(links.map((link) => link.connection.gone));
    this.#primary = undefined;
    this.#candidate = undefined;
    this.#env.turns.run(() => this.#move('drained', 'drained'));
  }
}
