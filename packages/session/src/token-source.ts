import { type Cancel, isCodedError } from '@autopilot/sync-contract';
import type { Close } from './close-reasons.ts';
import type { Environment } from './environment.ts';

/** What control gives to open a session. Times are milliseconds since the Unix epoch. */
export interface SessionToken {
  readonly token: string;
  readonly expires_at: number;
  /** From then on a new token should be fetched. */
  readonly refresh_after: number;
  /** Where the host is: `http:`, `https:`, `ws:` or `wss:`. */
  readonly uri: string;
  readonly database: string;
  /** The identity that the token leads to, hex; checked when given. */
  readonly identity?: string;
}

/** Why a token is asked for. `unauthorized`: the last one was refused, the same one would not help. */
export type TokenReason = 'start' | 'reconnect' | 'refresh' | 'unauthorized';

/**
 * Gets a token. May cache. May reject with a coded error: `recovery: 'retry'` (with `details.retry_after_ms`, if wanted)
 * is tried again, anything else leads to `needs-auth`; errors without a code are tried again.
 */
export type TokenProvider = (reason: TokenReason, signal: AbortSignal) => Promise<SessionToken>;

/** A token or why there is none. */
export type TokenOutcome = { readonly token: SessionToken } | { readonly close: Close };

/** Asks the provider: one question at a time, shared by all who wait, with a deadline. */
export class TokenSource {
  readonly #env: Environment;
  readonly #provider: TokenProvider;
  readonly #timeoutMs: number;
  #current: SessionToken | undefined;
  #flight: { readonly abort: AbortController; readonly waiting: ((outcome: TokenOutcome) => void)[] } | undefined;

  constructor(env: Environment, provider: TokenProvider, timeoutMs: number) {
    this.#env = env;
    this.#provider = provider;
    this.#timeoutMs = timeoutMs;
  }

  /** The last token that came. */
  get current(): SessionToken | undefined {
    return this.#current;
  }

  /** A token that need not be refreshed yet, at once; or else a new one. */
  obtain(reason: TokenReason, done: (outcome: TokenOutcome) => void): void {
    const current = this.#current;
    const asked = reason === 'refresh' || reason === 'unauthorized';
    if (!asked && current !== undefined && this.#env.ports.clock.now() < current.refresh_after) {
      done({ token: current });
      return;
    }
    if (this.#flight !== undefined) this.#flight.waiting.push(done);
    else this.#ask(reason, done);
  }

  /** Drops what is under way; nobody is told. */
  abort(): void {
    const flight = this.#flight;
    this.#flight = undefined;
    flight?.abort.abort();
  }

  #ask(reason: TokenReason, done: (outcome: TokenOutcome) => void): void {
    const abort = new AbortController();
    const flight = { abort, waiting: [done] };
    this.#flight = flight;
    let cancel: Cancel = () => {};
    const end = (outcome: TokenOutcome) => {
      cancel();
      if (this.#flight !== flight) {
        this.#env.counters.stale_callbacks += 1;
        return;
      }
      this.#flight = undefined;
      if ('token' in outcome) this.#current = outcome.token;
      for (const waiting of flight.waiting) waiting(outcome);
    };
    cancel = this.#env.after(this.#timeoutMs, () => {
      end({ close: { code: 'token_unavailable', message: `No token within ${this.#timeoutMs} ms.` } });
      abort.abort();
    });
    abort.signal.addEventListener('abort', cancel, { once: true });
    this.#env.turns.tell(() => {
      // Promise.resolve: a provider that throws at once is a provider that failed.
      new Promise<SessionToken>((resolve) => resolve(this.#provider(reason, abort.signal))).then(
        (token) => this.#env.turns.run(() => end(checked(token, this.#env.ports.clock.now()))),
        (error) => this.#env.turns.run(() => end({ close: closeOfProvider(error) })),
      );
    });
  }
}

function checked(token: SessionToken, now: number): TokenOutcome {
  const wrong = (what: string): TokenOutcome => ({ close: { code: 'token_invalid', message: what } });
  if (typeof token !== 'object' || token === null) return wrong('The token provider gave no token.');
  if (typeof token.token !== 'string' || token.token === '') return wrong('The token is empty.');
  if (!Number.isFinite(token.expires_at)) return wrong('expires_at of the token is not a time.');
  if (!Number.isFinite(token.refresh_after)) return wrong('refresh_after of the token is not a time.');
  if (token.expires_at <= now) {
    return wrong('The token has expired already: is the clock of this machine right?');
  }
  if (typeof token.database !== 'string' || token.database === '') return wrong('The token names no database.');
  if (!URL.canParse(token.uri) || !/^(https?|wss?):$/.test(new URL(token.uri).protocol)) {
    return wrong(`The token's uri "${token.uri}" is not an http, https, ws or wss URL.`);
  }
  return { token };
}

function closeOfProvider(error: unknown): Close {
  const message = `The token provider failed: ${error instanceof Error ? error.message : String(error)}`;
  if (!isCodedError(error)) return { code: 'token_unavailable', message };
  if (error.recovery !== 'retry') return { code: 'token_refused', message };
  const wait = error.details.retry_after_ms;
  const retry = typeof wait === 'number' && wait > 0 && Number.isFinite(wait) ? { retry_after_ms: wait } : {};
  return { code: 'token_unavailable', message, ...retry };
}
