import { type BackoffPolicy, backoffDelay, type Cancel } from '@autopilot/sync-contract';
import type { Close } from './close-reasons.ts';
import type { Environment } from './environment.ts';
import type { Link } from './link.ts';
import type { HeldToken, TokenSource } from './token-source.ts';

/** What a refresh needs of the lifecycle. */
export interface RefreshHost {
  readonly primary: Link | undefined;
  open(token: HeldToken): Link;
  /** It could not be done now, and is tried again. */
  failed(close: Close): void;
  /** It showed that the session cannot go on. */
  lost(close: Close): void;
}

/** A refresh is never begun sooner after a connection than this. */
const soonestRefreshMs = 1000;
/** A token counts as expired so long before it is, at most a tenth of its life: clocks differ. */
const skewMs = 30_000;

/** Replaces the token of a connection in use: when, how often again, and until when it makes sense. */
export class TokenRefresh {
  /** The connection that is to take over. */
  candidate: Link | undefined;
  readonly #env: Environment;
  readonly #tokens: TokenSource;
  readonly #backoff: BackoffPolicy;
  readonly #host: RefreshHost;
  #failures = 0;
  /** Monotonic time before which a failed refresh is not tried again, whoever asks for it. */
  #notBefore = 0;
  /** When the last connection was opened, whichever, by the monotonic clock. */
  #openedAt = Number.NEGATIVE_INFINITY;
  /** The connection that a newer token is being asked for. */
  #askedFor: Link | undefined;
  #cancelRefresh: Cancel = () => {};
  #cancelOverdue: Cancel = () => {};
  #cancelAsking: Cancel = () => {};

  constructor(env: Environment, tokens: TokenSource, backoff: BackoffPolicy, host: RefreshHost) {
    this.#env = env;
    this.#tokens = tokens;
    this.#backoff = backoff;
    this.#host = host;
  }

  /** Times the refresh of a connection. */
  schedule(link: Link): void {
    const { token } = link;
    const end = this.#tokens.left(token, token.expires_at);
    this.#at(link, Math.max(soonestRefreshMs, this.#tokens.left(token, token.refresh_after)));
    const skew = Math.min(skewMs, end / 10);
    this.#cancelOverdue();
    this.#cancelOverdue = this.#env.after(Math.max(soonestRefreshMs, end - skew), () => {
      const message = 'The token could not be replaced before its end.';
      if (link === this.#host.primary) link.connection.close({ code: 'refresh_overdue', message });
    });
  }

  /** Make before break: a second connection catches up, takes over, and only then the first one is closed. */
  begin(link: Link): void {
    if (link !== this.#host.primary || this.candidate !== undefined || link === this.#askedFor) return;
    const soonest = Math.max(this.#notBefore, this.#openedAt + soonestRefreshMs);
    const early = soonest - this.#env.ports.clock.monotonic();
    if (early > 0) {
      this.#at(link, early);
      return;
    }
    this.#cancelRefresh();
    this.#askedFor = link;
    this.#cancelAsking = this.#tokens.obtain('refresh', link.token.token, (outcome) => {
      if (this.#askedFor === link) this.#askedFor = undefined;
      if (link !== this.#host.primary || this.candidate !== undefined) {
        this.#env.counters.stale_callbacks += 1;
      } else if ('close' in outcome) {
        if (outcome.close.code === 'identity_changed') this.#host.lost(outcome.close);
        else this.failed(outcome.close);
      } else if (outcome.token.token === link.token.token) {
        this.failed({ code: 'token_invalid', message: 'The token provider gave the token that is in use again.' });
      } else if (outcome.token.database !== link.token.database || outcome.token.uri !== link.token.uri) {
        // Two connections feed one merge while one takes over, so both have to read the same streams.
        const message = `The new token leads to ${outcome.token.database} at ${outcome.token.uri}.`;
        link.connection.close({ code: 'database_moved', message });
      } else {
        this.candidate = this.#host.open(outcome.token);
      }
    });
  }

  /** A connection was opened: the next token is not asked for at once, whatever the host says of this one. */
  opened(): void {
    this.#openedAt = this.#env.ports.clock.monotonic();
  }

  /** It could not be done: again after a pause, while the connection in use goes on. */
  failed(close: Close): void {
    this.#env.counters.refresh_failures += 1;
    this.#host.failed(close);
    const link = this.#host.primary;
    if (link === undefined) return;
    const { clock, random } = this.#env.ports;
    const delay = backoffDelay(this.#backoff, this.#failures, random, close.retry_after_ms);
    this.#failures += 1;
    this.#notBefore = clock.monotonic() + delay;
    this.#at(link, delay);
  }

  /** The candidate has taken over. */
  done(): void {
    this.candidate = undefined;
    this.#failures = 0;
    this.#notBefore = 0;
    this.#env.counters.refreshes += 1;
  }

  /** The connection in use is over. An answer that is on its way is kept for the next one. */
  stop(): void {
    this.#cancelRefresh();
    this.#cancelOverdue();
  }

  /** The session is over. */
  end(): void {
    this.stop();
    this.#askedFor = undefined;
    this.#cancelAsking();
  }

  #at(link: Link, milliseconds: number): void {
    this.#cancelRefresh();
    this.#cancelRefresh = this.#env.after(milliseconds, () => this.begin(link));
  }
}
