import { backoffDelay, type Cancel, type LaneSignal, type LaneState } from '@autopilot/sync-contract';
import type { CallQueue } from './calls/call-queue.ts';
import { type Close, type CloseCode, closeReasons } from './close-reasons.ts';
import type { ConnectionInfo, ConnectionPhase } from './connection.ts';
import { socketRequest } from './endpoint.ts';
import type { Environment } from './environment.ts';
import { Link, type LinkHost } from './link.ts';
import type { TransientSignal } from './module/event-rows.ts';
import { readingReducers } from './module/reducers.ts';
import type { Settings } from './options.ts';
import { probe } from './probe.ts';
import type { SubscriptionRecord } from './rows/subscription.ts';
import type { InboxScope } from './sources/create-source.ts';
import type { StreamRecord } from './streams/record.ts';
import { SuspendWatch } from './suspend-watch.ts';
import { type RefreshHost, TokenRefresh } from './token-refresh.ts';
import type { HeldToken, SessionToken, TokenReason, TokenSource } from './token-source.ts';
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
  | 'retry_hinted'
  | 'drained';

/** What may have happened to the network or the machine, as the owner has heard. */
export type NetworkHint = 'online' | 'offline' | 'wake';

/** How the other connection of a session stands, as far as the streams over it are concerned. */
export interface Elsewhere {
  readonly caughtUp: boolean;
  readonly behind: boolean;
}

/** What the lifecycle looks after. */
export interface LifecycleHost {
  readonly records: ReadonlyMap<string, StreamRecord>;
  readonly subscriptions: ReadonlySet<SubscriptionRecord>;
  readonly calls: CallQueue;
  readonly elsewhere: Elsewhere;
  emit(signal: LaneSignal): void;
  noticed(streamId: string, notice: string, detail: string): void;
  /** Resolves when nothing else of the session is left, so that this may say that it is closed. */
  othersClosed(): Promise<void>;
  /** State or standing may have changed. */
  changed(): void;
  signalled(signal: TransientSignal): void;
}

/** What a lifecycle is made of. */
export interface LifecycleSettings extends Settings {
  readonly inbox: InboxScope;
}

const probeTimeoutMs = 5000;
/** After waking, or a hint that the network changed: without any frame for so long, the connection is dead. */
const checkMs = 5000;

/** The life of a session: attempts, backoff, token refresh by a second connection, the end. */
export class Lifecycle implements LinkHost {
  state: LaneState = 'idle';
  since: number;
  attempt = 0;
  failures = 0;
  lastClose: (Close & { readonly at: number }) | undefined;
  readonly #env: Environment;
  readonly #settings: LifecycleSettings;
  readonly #host: LifecycleHost;
  readonly #tokens: TokenSource;
  readonly #links = new Set<Link>();
  readonly #refresh: TokenRefresh;
  readonly #suspends: SuspendWatch;
  #primary: Link | undefined;
  /** Monotonic. */
  #retryAt: number | undefined;
  /** Monotonic: what the other side asked to wait for. */
  #notBefore = Number.NEGATIVE_INFINITY;
  #attemptedAt: number | undefined;
  #reason: TokenReason = 'start';
  /** The token that the server refused; a second refusal, or the same token again, is final. */
  #refused: string | undefined;
  #identity: string | undefined;
  #closing: Promise<void> | undefined;
  #cancelRetry: Cancel = () => {};
  #cancelProven: Cancel = () => {};
  #cancelAsking: Cancel = () => {};
  #cancelProbe: Cancel = () => {};
  /** While a second connection waits to be level. */
  #cancelLevel: Cancel | undefined;
  /** The second connection that has waited long enough. */
  #outwaited: Link | undefined;
  #finishHandover: () => void = () => {};

  /** @param tokens shared by all lifecycles of one session. */
  constructor(env: Environment, settings: LifecycleSettings, tokens: TokenSource, host: LifecycleHost) {
    this.#env = env;
    this.#settings = settings;
    this.#host = host;
    this.#tokens = tokens;
    this.#refresh = new TokenRefresh(env, tokens, settings.backoff, this.#refreshHost());
    this.#suspends = new SuspendWatch(env, () => {
      env.counters.wakes += 1;
      this.hint('wake');
    });
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
    return this.#refresh.candidate !== undefined;
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
    if (this.#refresh.candidate !== undefined) yield this.#refresh.candidate;
  }

  start(): void {
    if (this.state === 'idle') this.#attemptNow('start', 'started');
  }

  /**
   * The owner's word: does not wait any longer, whatever the other side asked for, but keeps the floor between two
   * attempts. Leaves `needs-auth` and `failed`.
   */
  retryNow(): void {
    if (this.state !== 'backoff' && this.state !== 'needs-auth' && this.state !== 'failed') return;
    this.#tokens.forgive();
    if (this.state !== 'backoff') {
      this.failures = 0;
      this.#refused = undefined;
      this.#reason = 'unauthorized';
      this.#tokens.reject(this.#tokens.current?.token);
    }
    this.#scheduleRetry(this.#floorLeft(), 'retry_requested');
  }

  /** A hint shortens a wait, never below the floor or what the other side asked for, and makes nothing wait longer. */
  hint(kind: NetworkHint): void {
    if (this.state === 'backoff' && kind !== 'offline') {
      this.#tokens.shorten();
      const asked = this.#notBefore - this.#env.ports.clock.monotonic();
      const delay = Math.max(this.#floorLeft(), asked, this.#tokens.pauseMs);
      if (delay < (this.nextRetryMs ?? 0)) this.#scheduleRetry(delay, 'retry_hinted');
      return;
    }
    const link = this.#primary;
    if (link?.running !== true) return;
    // What it says has to be found out at once instead of by the next poll or watchdog.
    link.check(checkMs);
    // Timers may have stood still while the token went on ageing.
    if (kind === 'wake' && this.#refresh.candidate === undefined) this.#refresh.schedule(link);
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /** The host says that a token is over: fetch another one now, or after the pause that is due. */
  tokenExpired(link: Link | undefined): void {
    if (link === undefined || this.state === 'draining' || this.state === 'closed') return;
    if (link === this.#refresh.candidate) {
      // It can never catch up, and while it is there no other token is asked for.
      const message = 'The token ended before its connection was caught up.';
      link.connection.terminate({ code: 'unauthorized', message });
    } else if (link.running) {
      this.#refresh.begin(link);
    }
  }

  /** An append was answered without its receipt: what the live queries should bring does not arrive here. */
  receiptMissing(): void {
    const message = 'An append was answered without its receipt, so the live queries are not served.';
    this.#primary?.connection.terminate({ code: 'subscription_lost', message });
  }

  /** Streams or subscriptions were added, moved or removed. */
  evaluate(): void {
    const { candidate } = this.#refresh;
    const primary = this.#primary;
    if (candidate !== undefined && primary !== undefined && candidate.mayReplace(primary) && this.#isLevel(candidate)) {
      this.#takeOver(candidate);
    }
    const stale = [...this.records.values()].some((record) => record.standing === 'stale');
    const { elsewhere } = this.#host;
    if (this.state === 'replaying' && this.#primary?.caughtUp === true && !stale && elsewhere.caughtUp) {
      this.#move('caught-up', 'caught_up');
      this.#cancelProven = this.#env.after(this.#settings.provenAfterMs, () => this.#proven());
    } else if (this.state === 'live' && (this.#primary?.behind !== false || stale || elsewhere.behind)) {
      this.#cancelProven();
      this.#move('behind', 'behind');
    }
    this.#host.changed();
  }

  /** As `Elsewhere` has it, for the other lifecycle of this session. */
  get standing(): Elsewhere {
    const { state } = this;
    const waits = state === 'backoff' || state === 'needs-auth' || state === 'failed';
    // While it is being made for the first time nothing is known to be missing.
    const reads = state === 'replaying' || state === 'live';
    return { caughtUp: state === 'live', behind: waits || (reads && this.#primary?.behind !== false) };
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
    this.#refresh.schedule(link);
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

  signalled(signal: TransientSignal): void {
    this.#host.signalled(signal);
  }

  noticed(streamId: string, notice: string, detail: string): void {
    this.#host.noticed(streamId, notice, detail);
  }

  ended(link: Link, close: Close, phase: ConnectionPhase): void {
    if (this.state === 'draining' || this.state === 'closed') return;
    if (closeReasons[close.code].aftermath === 'refresh') this.#tokens.reject(link.token.token);
    if (link === this.#refresh.candidate) {
      this.#refresh.candidate = undefined;
      this.#endLevelling();
      if (close.code === 'identity_changed') this.#lost(close);
      else this.#refresh.failed(close);
    } else if (link === this.#primary) {
      this.#primary = undefined;
      if (phase === 'opened' && close.code === 'network') this.#askWhy(link.token, close);
      else this.#lost(close);
    }
  }

  #askWhy(token: SessionToken, close: Close): void {
    const message = `${close.message} (before InitialConnection)`;
    this.#cancelProbe = probe(this.#env, this.#settings.http, token, probeTimeoutMs, (refusal) => {
      if (refusal !== undefined && closeReasons[refusal.code].aftermath === 'refresh') this.#tokens.reject(token.token);
      this.#lost(refusal ?? { ...close, message });
    });
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
    this.#host.changed();
    return true;
  }

  #attemptNow(event: 'start' | 'retry', reason: StateReason): void {
    this.#retryAt = undefined;
    if (!this.#move(event, reason)) return;
    this.attempt += 1;
    this.#env.counters.attempts += 1;
    this.#attemptedAt = this.#env.ports.clock.monotonic();
    const attempt = this.attempt;
    this.#suspends.start();
    this.#cancelAsking = this.#tokens.obtain(this.#reason, undefined, (outcome) => {
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

  #open(token: HeldToken): Link {
    this.#refresh.opened();
    const { readMode, compression } = this.#settings;
    const request = socketRequest(token, readMode === 'confirmed', compression);
    const onlyReducers = this.#settings.readOnly ? readingReducers : undefined;
    const link = new Link(this.#env, this, token, { ...this.#settings, request, onlyReducers });
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
    this.#notBefore = ports.clock.monotonic() + (close.retry_after_ms ?? 0);
    if (next !== 'backoff') {
      this.#suspends.stop();
      this.#move(next === 'failed' ? 'fatal' : 'auth-needed', close.code, close.message);
      return;
    }
    // Where no token could be had, the next attempt waits until the provider may be asked again.
    const pause = this.state === 'authenticating' ? this.#tokens.pauseMs : 0;
    this.#move('lost', close.code, close.message);
    const delay = backoffDelay(this.#settings.backoff, this.failures, ports.random, close.retry_after_ms);
    this.failures += 1;
    this.#scheduleRetry(Math.max(delay, pause), 'retry_due');
  }

  #scheduleRetry(delay: number, reason: StateReason): void {
    this.#cancelRetry();
    this.#retryAt = this.#env.ports.clock.monotonic() + delay;
    this.#cancelRetry = this.#env.after(delay, () => this.#attemptNow('retry', reason));
  }

  /** Milliseconds until the floor allows another attempt. */
  #floorLeft(): number {
    const soonest = (this.#attemptedAt ?? Number.NEGATIVE_INFINITY) + this.#settings.backoff.floorMs;
    return Math.max(0, soonest - this.#env.ports.clock.monotonic());
  }

  #teardown(close: Close): void {
    this.#cancelProven();
    this.#refresh.stop();
    this.#cancelProbe();
    this.#endLevelling();
    this.#finishHandover();
    this.#host.calls.use(undefined);
    const links = [this.#refresh.candidate, this.#primary];
    this.#refresh.candidate = undefined;
    this.#primary = undefined;
    for (const link of links) link?.connection.terminate(close);
    this.#host.calls.lost();
  }

  #proven(): void {
    this.failures = 0;
  }

  #refreshHost(): RefreshHost {
    const lifecycle = this;
    return {
      get primary() {
        return lifecycle.#primary;
      },
      open: (token) => this.#open(token),
      lost: (close) => this.#lost(close),
      failed: (close) => {
        this.lastClose = { ...close, at: this.#env.ports.clock.now() };
      },
    };
  }

  /**
   * Both connections hear of the same transactions, each in its own time. One that is behind would take rows back and
   * bring them again, and one that is ahead would tell of several transactions in one. So it waits until both show the
   * same, but not for ever.
   */
  #isLevel(link: Link): boolean {
    if (link.isLevel || this.#outwaited === link) return true;
    this.#cancelLevel ??= this.#env.after(this.#settings.drainMs, () => {
      this.#outwaited = link;
      if (link === this.#refresh.candidate) this.evaluate();
    });
    return false;
  }

  #takeOver(link: Link): void {
    this.#endLevelling();
    const old = this.#primary;
    const { calls } = this.#host;
    this.#primary = link;
    this.#refresh.done();
    old?.retire();
    link.adoptRows();
    this.#refresh.schedule(link);
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

  #endLevelling(): void {
    this.#cancelLevel?.();
    this.#cancelLevel = undefined;
    this.#outwaited = undefined;
  }

  async #drain(): Promise<void> {
    const { calls } = this.#host;
    const others = this.#host.othersClosed();
    const message = 'The owner closed the session.';
    this.#env.turns.run(() => {
      this.#move('close', 'closed_by_owner', message);
      this.#retryAt = undefined;
      for (const cancel of [this.#cancelRetry, this.#cancelProven, this.#cancelAsking, this.#cancelProbe]) cancel();
      this.#refresh.end();
      this.#suspends.stop();
      this.#endLevelling();
      this.#refresh.candidate?.connection.close({ code: 'closed_by_owner', message });
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
    this.#refresh.candidate = undefined;
    await others;
    this.#env.turns.run(() => this.#move('drained', 'drained'));
  }
}
