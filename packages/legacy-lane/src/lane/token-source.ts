import { isCodedError } from '@autopilot/sync-contract';
import type { Close } from './close-reasons.ts';
import type { Environment } from './environment.ts';
import type { KhalaToken, KhalaTokenProvider, KhalaTokenReason } from './options.ts';

/** A token, or why there is none. */
export type TokenOutcome =
  | { readonly ok: true; readonly token: KhalaToken }
  | { readonly ok: false; readonly close: Close };

/** Asks the provider: one question at a time, with a deadline. An answer that comes too late is counted and dropped. */
export class TokenSource {
  readonly #env: Environment;
  readonly #provider: KhalaTokenProvider;
  readonly #timeoutMs: number;
  #abort: AbortController | undefined;

  constructor(env: Environment, provider: KhalaTokenProvider, timeoutMs: number) {
    this.#env = env;
    this.#provider = provider;
    this.#timeoutMs = timeoutMs;
  }

  /** Asks anew; an earlier question that is still open is dropped. */
  ask(reason: KhalaTokenReason, done: (outcome: TokenOutcome) => void): void {
    this.drop();
    const abort = new AbortController();
    this.#abort = abort;
    const settle = (outcome: TokenOutcome): void => {
      cancel();
      if (this.#abort !== abort) {
        this.#env.counters.stale_callbacks += 1;
        return;
      }
      this.#abort = undefined;
      done(outcome);
    };
    const cancel = this.#env.after(this.#timeoutMs, () => {
      settle(refused('token_unavailable', `No token within ${this.#timeoutMs} ms.`));
      abort.abort();
    });
    abort.signal.addEventListener('abort', cancel, { once: true });
    // Promise.resolve().then: a provider that throws at once is a provider that failed.
    Promise.resolve()
      .then(() => this.#provider(reason, abort.signal))
      .then(
        (token) => this.#env.outbox.turn(() => settle(checked(token, this.#env.clock.now()))),
        (error) => this.#env.outbox.turn(() => settle(ofFailure(error))),
      );
  }

  drop(): void {
    const abort = this.#abort;
    this.#abort = undefined;
    abort?.abort();
  }
}

function checked(token: KhalaToken, now: number): TokenOutcome {
  if (typeof token?.token !== 'string' || token.token === '') return refused('token_invalid', 'The token is empty.');
  if (!Number.isFinite(token.expires_at)) return refused('token_invalid', 'expires_at of the token is not a time.');
  if (token.expires_at <= now) {
    return refused('token_invalid', 'The token has expired already: is the clock of this machine right?');
  }
  return { ok: true, token };
}

function ofFailure(error: unknown): TokenOutcome {
  const message = `The token provider failed: ${error instanceof Error ? error.message : String(error)}`;
  return refused(isCodedError(error) && error.recovery !== 'retry' ? 'token_refused' : 'token_unavailable', message);
}

function refused(code: Close['code'], message: string): TokenOutcome {
  return { ok: false, close: { code, message } };
}
