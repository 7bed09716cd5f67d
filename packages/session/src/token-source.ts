import { type BackoffPolicy, backoffDelay, type Cancel, isCodedError } from '@autopilot/sync-contract';
import type { Close } from './close-reasons.ts';
import type { Environment } from './environment.ts';
import { subjectOf, type TokenSubject } from './token-subject.ts';

/** What control gives to open a session. Times are milliseconds since the Unix epoch. */
export interface SessionToken {
  readonly token: string;
  readonly expires_at: number;
  /** From then on a new token should be fetched; the session adds jitter. Without it: at 70 % of what is left of its life. */
  readonly refresh_after?: number;
  /** Where the host is: `http:`, `https:`, `ws:` or `wss:`. */
  readonly uri: string;
  readonly database: string;
  /** The identity that the token leads to, hex; checked when given. */
  readonly identity?: string;
}

/** A token with the moment, drawn once, from which on it is to be replaced. */
export type HeldToken = Required<Pick<SessionToken, 'refresh_after'>> & SessionToken;

/** Why a token is asked for. `unauthorized`: the last one was refused, the same one would not help. */
export type TokenReason = 'start' | 'reconnect' | 'refresh' | 'unauthorized';

/**
 * Gets a token. May cache. May reject with a coded error: `recovery: 'retry'` (with `details.retry_after_ms`, if wanted)
 * is tried again, anything else leads to `needs-auth`; errors without a code are tried again.
 */
export type TokenProvider = (reason: TokenReason, signal: AbortSignal) => Promise<SessionToken>;

/** A token or why there is none. */
export type TokenOutcome = { readonly token: HeldToken } | { readonly close: Close };

/** Where in its life a token is refreshed, when it does not say itself, and at the latest. */
const refreshFrom = 0.7;
const refreshTo = 0.8;
/** The jitter, as a part of the life: many clients that began together do not ask together. */
const refreshJitter = 0.1;

/**
 * Asks the provider: one question at a time, whose answer, good or bad, is shared by all who wait. After a failure it is
 * not asked again before a pause, whoever wants a token meanwhile.
 */
export class TokenSource {
  readonly #env: Environment;
  readonly #provider: TokenProvider;
  readonly #timeoutMs: number;
  readonly #backoff: BackoffPolicy;
  /** When each token came, by both clocks. */
  readonly #came = new WeakMap<HeldToken, { readonly wall: number; readonly monotonic: number }>();
  #current: HeldToken | undefined;
  /** Of the first token: a session belongs to one account. */
  #subject: TokenSubject | undefined;
  #flight: { readonly abort: AbortController; readonly waiting: Set<(outcome: TokenOutcome) => void> } | undefined;
  /** The text of a token that was refused: it is not given again. */
  #rejected: string | undefined;
  #failures = 0;
  /** The last failure; monotonic times: when the provider is asked again, and what a hint may shorten that to. */
  #failed: { readonly close: Close; until: number; readonly soonest: number } | undefined;

  constructor(env: Environment, provider: TokenProvider, timeoutMs: number, backoff: BackoffPolicy) {
    this.#env = env;
    this.#provider = provider;
    this.#timeoutMs = timeoutMs;
    this.#backoff = backoff;
  }

  /** The last token that came. */
  get current(): HeldToken | undefined {
    return this.#current;
  }

  /** Milliseconds before which the provider is not asked again because it has failed; 0 when it may be asked. */
  get pauseMs(): number {
    return Math.max(0, (this.#failed?.until ?? 0) - this.#env.ports.clock.monotonic());
  }

  /** This token was refused, or would not help: it is never given again. */
  reject(token: string | undefined): void {
    this.#rejected = token;
  }

  /** What had failed may work now: asks again sooner, though not below the floor or what the provider asked for. */
  shorten(): void {
    if (this.#failed !== undefined) this.#failed.until = Math.min(this.#failed.until, this.#failed.soonest);
  }

  /** Forgets the last failure: the owner wants to know again. */
  forgive(): void {
    this.#failed = undefined;
    this.#failures = 0;
  }

  /**
   * A token that need not be refreshed yet, at once; or else a new one. Returns how to wait no longer.
   *
   * @param instead The text of a token that is to be replaced: it is not the answer, a newer one is.
   */
  obtain(reason: TokenReason, instead: string | undefined, done: (outcome: TokenOutcome) => void): Cancel {
    const current = this.#current;
    if (current !== undefined && current.token !== this.#rejected && current.token !== instead) {
      if (this.left(current, current.refresh_after) > 0) {
        done({ token: current });
        return () => {};
      }
    }
    const failed = this.#failed;
    if (this.#flight === undefined && failed !== undefined && this.pauseMs > 0) {
      const { retry_after_ms, ...close } = failed.close;
      done({ close: retry_after_ms === undefined ? close : { ...close, retry_after_ms: this.pauseMs } });
      return () => {};
    }
    // A wrapper, so that one function that waits twice is two.
    const own = (outcome: TokenOutcome) => done(outcome);
    if (this.#flight !== undefined) this.#flight.waiting.add(own);
    else this.#ask(reason, own);
    return () => this.#leave(own);
  }

  /**
   * Milliseconds until a time of a token. By the clock that says less: a wall clock that was put back makes no token
   * younger, and one that the machine slept through shows only in the other.
   */
  left(token: HeldToken, time: number): number {
    const { clock } = this.#env.ports;
    const came = this.#came.get(token);
    const byWall = time - clock.now();
    if (came === undefined) return byWall;
    return Math.min(byWall, time - came.wall - (clock.monotonic() - came.monotonic));
  }

  #leave(own: (outcome: TokenOutcome) => void): void {
    const flight = this.#flight;
    if (flight?.waiting.delete(own) !== true || flight.waiting.size > 0) return;
    this.#flight = undefined;
    flight.abort.abort();
  }

  #ask(reason: TokenReason, done: (outcome: TokenOutcome) => void): void {
    const abort = new AbortController();
    const flight = { abort, waiting: new Set([done]) };
    this.#flight = flight;
    let cancel: Cancel = () => {};
    const end = (outcome: TokenOutcome) => {
      cancel();
      if (this.#flight !== flight) {
        this.#env.counters.stale_callbacks += 1;
        return;
      }
      this.#flight = undefined;
      this.#settle(outcome);
      for (const waiting of flight.waiting) waiting(outcome);
    };
    cancel = this.#env.deadline(this.#timeoutMs, () => {
      end({ close: { code: 'token_unavailable', message: `No token within ${this.#timeoutMs} ms.` } });
      abort.abort();
    });
    abort.signal.addEventListener('abort', cancel, { once: true });
    this.#env.counters.tokens_asked += 1;
    this.#env.turns.tell(() => {
      // Promise.resolve: a provider that throws at once is a provider that failed.
      new Promise<SessionToken>((resolve) => resolve(this.#provider(reason, abort.signal))).then(
        (token) => this.#env.turns.run(() => end(this.#checked(token))),
        (error) => this.#env.turns.run(() => end({ close: closeOfProvider(error) })),
      );
    });
  }

  #settle(outcome: TokenOutcome): void {
    if ('token' in outcome) {
      const { clock } = this.#env.ports;
      this.#came.set(outcome.token, { wall: clock.now(), monotonic: clock.monotonic() });
      this.#current = outcome.token;
      this.#subject ??= subjectOf(outcome.token.token);
      this.forgive();
      return;
    }
    const { clock, random } = this.#env.ports;
    const { close } = outcome;
    const now = clock.monotonic();
    const pause = backoffDelay(this.#backoff, this.#failures, random, close.retry_after_ms);
    const soonest = now + Math.max(this.#backoff.floorMs, close.retry_after_ms ?? 0);
    this.#failures += 1;
    this.#failed = { close, until: now + pause, soonest };
  }

  #checked(token: SessionToken): TokenOutcome {
    const now = this.#env.ports.clock.now();
    const message = defectOf(token, now);
    if (message !== undefined) return { close: { code: 'token_invalid', message } };
    const subject = subjectOf(token.token);
    const first = this.#subject;
    if (first !== undefined && subject !== undefined && (subject.iss !== first.iss || subject.sub !== first.sub)) {
      const message = `The token speaks for "${subject.sub}" of "${subject.iss}", this session began with "${first.sub}" of "${first.iss}".`;
      return { close: { code: 'identity_changed', message } };
    }
    return { token: { ...token, refresh_after: this.#refreshAt(token, now) } };
  }

  #refreshAt({ refresh_after, expires_at }: SessionToken, now: number): number {
    const life = expires_at - now;
    // A new token that claims to be due already would be replaced in a loop.
    const from = refresh_after !== undefined && refresh_after > now ? refresh_after : now + life * refreshFrom;
    const jittered = from + this.#env.ports.random.next() * life * refreshJitter;
    return Math.min(jittered, now + life * refreshTo);
  }
}

function defectOf(token: SessionToken, now: number): string | undefined {
  if (typeof token !== 'object' || token === null) return 'The token provider gave no token.';
  if (typeof token.token !== 'string' || token.token === '') return 'The token is empty.';
  if (!Number.isFinite(token.expires_at)) return 'expires_at of the token is not a time.';
  if (token.refresh_after !== undefined && !Number.isFinite(token.refresh_after)) {
    return 'refresh_after of the token is not a time.';
  }
  if (token.expires_at <= now) return 'The token has expired already: is the clock of this machine right?';
  if (typeof token.database !== 'string' || token.database === '') return 'The token names no database.';
  if (!URL.canParse(token.uri) || !/^(https?|wss?):$/.test(new URL(token.uri).protocol)) {
    return `The token's uri "${token.uri}" is not an http, https, ws or wss URL.`;
  }
  return undefined;
}

function closeOfProvider(error: unknown): Close {
  const message = `The token provider failed: ${error instanceof Error ? error.message : String(error)}`;
  if (!isCodedError(error)) return { code: 'token_unavailable', message };
  if (error.recovery !== 'retry') return { code: 'token_refused', message };
  const wait = error.details.retry_after_ms;
  const retry = typeof wait === 'number' && wait > 0 && Number.isFinite(wait) ? { retry_after_ms: wait } : {};
  return { code: 'token_unavailable', message, ...retry };
}
