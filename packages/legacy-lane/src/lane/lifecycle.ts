import { backoffDelay, type Cancel, type LaneState } from '@autopilot/sync-contract';
import { type ChannelHandlers, KhalaChannel } from './channel.ts';
import { type Close, type KhalaCloseCode, khalaCloseReasons } from './close-reasons.ts';
import type { Environment } from './environment.ts';
import type { KhalaSettings, KhalaToken, KhalaTokenReason } from './options.ts';
import { type TokenOutcome, TokenSource } from './token-source.ts';
import { type KhalaEvent, nextKhalaState } from './transitions.ts';

/** Why the lane changed its state: the end of a connection, or one of the ordinary steps. */
export type KhalaStateReason =
  | KhalaCloseCode
  | 'started'
  | 'token_ready'
  | 'joined'
  | 'subscribed'
  | 'level'
  | 'behind'
  | 'retry_due'
  | 'retry_requested'
  | 'drained';

/** What uses the connections that the lifecycle makes. */
export interface LifecycleHost extends Pick<ChannelHandlers, 'frame' | 'undecodable'> {
  /** The channel is joined: subscribe on it. */
  joined(channel: KhalaChannel): void;
  /** The channel is gone. */
  ended(): void;
}

/** A refresh is never begun sooner after a connection than this. */
const soonestRefreshMs = 1000;
/** A token is renewed so long before its end, at most a fifth of its life: clocks differ, and fetching takes time. */
const renewalMarginMs = 60_000;

/** The life of a lane: attempts, backoff, tokens, the end. One connection at a time. */
export class Lifecycle {
  state: LaneState = 'idle';
  readonly #env: Environment;
  readonly #settings: KhalaSettings;
  readonly #host: LifecycleHost;
  readonly #tokens: TokenSource;
  #token: KhalaToken | undefined;
  #channel: KhalaChannel | undefined;
  readonly #open = new Set<KhalaChannel>();
  #failures = 0;
  #refreshFailures = 0;
  #reason: KhalaTokenReason = 'start';
  /** The token that khala refused; a second refusal, or the same token again, is final. */
  #refused: string | undefined;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #retryAt: number | undefined;
  #closing: Promise<void> | undefined;
  #cancelRetry: Cancel = () => {};
  #cancelProven: Cancel = () => {};
  #cancelRefresh: Cancel = () => {};
  #cancelOverdue: Cancel = () => {};

  constructor(env: Environment, settings: KhalaSettings, host: LifecycleHost) {
    this.#env = env;
    this.#settings = settings;
    this.#host = host;
    this.#tokens = new TokenSource(env, settings.token, settings.tokenTimeoutMs);
  }

  /** The token of the present connection. */
  get token(): KhalaToken | undefined {
    return this.#token;
  }

  /** Milliseconds until the next attempt; undefined when none is planned. */
  get nextRetryMs(): number | undefined {
    if (this.#retryAt === undefined) return undefined;
    return Math.max(0, Math.round(this.#retryAt - this.#env.clock.monotonic()));
  }

  start(): void {
    if (this.state === 'idle') this.#attempt('start', 'started');
  }

  /** Does not wait any longer, but keeps the floor between two attempts. Leaves `needs-auth` and `failed`. */
  retryNow(): void {
    if (this.state !== 'backoff' && this.state !== 'needs-auth' && this.state !== 'failed') return;
    if (this.state !== 'backoff') {
      this.#failures = 0;
      this.#refused = undefined;
      this.#reason = 'rejected';
    }
    const soonest = this.#attemptedAt + this.#settings.backoff.floorMs;
    this.#retryAfter(Math.max(0, soonest - this.#env.clock.monotonic()), 'retry_requested');
  }

  /** The subscription stands. */
  subscribed(): void {
    if (!this.#move('subscribed', 'subscribed')) return;
    this.#refused = undefined;
    this.#refreshFailures = 0;
    this.#planRefresh();
  }

  /** Whether every stream is level. */
  level(all: boolean): void {
    if (all && this.state === 'replaying') {
      this.#move('level', 'level');
      this.#cancelProven = this.#env.after(this.#settings.provenAfterMs, () => this.proven());
    } else if (!all && this.state === 'live') {
      this.#cancelProven();
      this.#move('behind', 'behind');
    }
  }

  /** The connection has been of use: events were handed over. */
  proven(): void {
    this.#failures = 0;
  }

  /** Gives up the connection for a reason that somebody else found. */
  lost(close: Close): void {
    const channel = this.#channel;
    if (channel !== undefined) channel.end(close);
  }

  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  #move(event: KhalaEvent, reason: KhalaStateReason, message?: string): boolean {
    const from = this.state;
    const to = nextKhalaState(from, event);
    if (to === undefined) {
      this.#env.counters.illegal_transitions += 1;
      return false;
    }
    this.state = to;
    this.#env.outbox.put({ type: 'state', from, to, reason, ...(message === undefined ? {} : { message }) });
    return true;
  }

  #attempt(event: 'start' | 'retry', reason: KhalaStateReason): void {
    this.#retryAt = undefined;
    if (!this.#move(event, reason)) return;
    this.#env.counters.attempts += 1;
    this.#attemptedAt = this.#env.clock.monotonic();
    const usable = this.#reason === 'refresh' && this.#token !== undefined && !this.#isDue(this.#token);
    if (usable && this.#token !== undefined) this.#connect('token', 'token_ready', this.#token);
    else this.#tokens.ask(this.#reason, (outcome) => this.#answered(outcome));
  }

  #answered(outcome: TokenOutcome): void {
    if (this.state !== 'authenticating') {
      this.#env.counters.stale_callbacks += 1;
    } else if (!outcome.ok) {
      this.#over(outcome.close);
    } else if (outcome.token.token === this.#refused) {
      this.#over({ code: 'token_refused', message: 'The token provider gave the token again that khala had refused.' });
    } else {
      this.#connect('token', 'token_ready', outcome.token);
    }
  }

  #connect(event: 'token' | 'renew', reason: KhalaStateReason, token: KhalaToken): void {
    if (!this.#move(event, reason)) return;
    this.#token = token;
    this.#reason = 'refresh';
    const channel: KhalaChannel = new KhalaChannel(
      this.#env,
      this.#settings.socket,
      socketUrl(this.#settings, token.token),
      this.#settings,
      {
        joined: () => {
          if (channel !== this.#channel) return;
          this.#move('joined', 'joined');
          this.#host.joined(channel);
        },
        frame: (frame) => {
          if (channel === this.#channel) this.#host.frame(frame);
        },
        undecodable: (error) => {
          if (channel === this.#channel) this.#host.undecodable(error);
        },
        ended: (close) => {
          if (channel === this.#channel) this.#over(close);
        },
      },
    );
    this.#channel = channel;
    this.#open.add(channel);
    void channel.gone.then(() => this.#open.delete(channel));
  }

  /** The attempt or the connection in use is over. */
  #over(close: Close): void {
    this.#leave();
    this.#env.count(this.#env.counters.closes, close.code);
    const { aftermath } = khalaCloseReasons[close.code];
    const refusedBefore = this.#refused !== undefined;
    if (aftermath === 'refresh') {
      this.#refused = this.#token?.token;
      this.#reason = 'rejected';
    }
    if (aftermath === 'failed') {
      this.#move('fatal', close.code, close.message);
    } else if (aftermath === 'needs-auth' || (aftermath === 'refresh' && refusedBefore)) {
      this.#move('auth-needed', close.code, close.message);
    } else {
      this.#move('lost', close.code, close.message);
      const { backoff } = this.#settings;
      const delay = backoffDelay(backoff, this.#failures, this.#env.random, close.retry_after_ms);
      this.#failures += 1;
      this.#retryAfter(delay, 'retry_due');
    }
  }

  #retryAfter(delay: number, reason: KhalaStateReason): void {
    this.#cancelRetry();
    this.#retryAt = this.#env.clock.monotonic() + delay;
    this.#cancelRetry = this.#env.after(delay, () => this.#attempt('retry', reason));
  }

  #leave(): KhalaChannel | undefined {
    const channel = this.#channel;
    this.#channel = undefined;
    for (const cancel of [this.#cancelProven, this.#cancelRefresh, this.#cancelOverdue]) cancel();
    this.#tokens.drop();
    this.#host.ended();
    return channel;
  }

  #isDue(token: KhalaToken): boolean {
    return this.#env.clock.now() >= token.expires_at - renewalMarginMs;
  }

  #planRefresh(): void {
    const token = this.#token;
    if (token === undefined) return;
    const left = token.expires_at - this.#env.clock.now();
    // Jitter, so that many clients that signed in together do not renew together.
    const margin = Math.min(renewalMarginMs, left / 5) * (1 + this.#env.random.next() * 0.2);
    this.#cancelRefresh();
    this.#cancelRefresh = this.#env.after(Math.max(soonestRefreshMs, left - margin), () => this.#renew());
    this.#cancelOverdue();
    this.#cancelOverdue = this.#env.after(Math.max(soonestRefreshMs, left), () =>
      this.lost({ code: 'refresh_overdue', message: 'The token could not be replaced before its end.' }),
    );
  }

  /**
   * Fetches the new token first, then leaves the connection for one with it. Khala has no way to take a token in a
   * connection, and pushes no event to two connections in one order, so the streams are read again from their positions.
   */
  #renew(): void {
    this.#tokens.ask('refresh', (outcome) => {
      if (!outcome.ok) {
        this.#env.counters.refresh_failures += 1;
        const delay = backoffDelay(this.#settings.backoff, this.#refreshFailures, this.#env.random);
        this.#refreshFailures += 1;
        this.#cancelRefresh = this.#env.after(Math.max(soonestRefreshMs, delay), () => this.#renew());
        return;
      }
      const old = this.#leave();
      this.#env.counters.renewals += 1;
      this.#env.count(this.#env.counters.closes, 'renewed');
      old?.close();
      this.#connect('renew', 'renewed', outcome.token);
    });
  }

  async #drain(): Promise<void> {
    this.#env.outbox.turn(() => {
      this.#move('close', 'closed_by_owner', 'The owner closed the lane.');
      this.#cancelRetry();
      this.#retryAt = undefined;
      const channel = this.#leave();
      channel?.close();
    });
    // Also those that were left for a newer token and have not answered the closing yet.
    await Promise.all([...this.#open].map(({ gone }) => gone));
    this.#env.outbox.turn(() => this.#move('drained', 'drained'));
  }
}

/** The URL of the websocket, with the token: never to be logged. */
function socketUrl(settings: KhalaSettings, token: string): string {
  const url = new URL(`${settings.url.replace(/\/+$/, '')}/sync/socket/websocket`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const { client_build_id, protocol_version, schema_version } = settings.build;
  const params = { token, vsn: '2.0.0', client: settings.client, client_build_id, protocol_version, schema_version };
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}
