import type { Cancel } from '@autopilot/sync-contract';
import type { Environment } from './environment.ts';

/** HTTP reads, so many at once, each with a deadline; none before a time that khala asked to wait for. */
export class ReadQueue {
  readonly #env: Environment;
  readonly #most: number;
  readonly #timeoutMs: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
  #cancelPause: Cancel | undefined;

  constructor(env: Environment, most: number, timeoutMs: number) {
    this.#env = env;
    this.#most = most;
    this.#timeoutMs = timeoutMs;
  }

  /** Begins no read for so long. */
  pause(milliseconds: number): void {
    this.#notBefore = Math.max(this.#notBefore, this.#env.clock.monotonic() + milliseconds);
  }

  /** Runs a read when its turn has come. The result takes it back; then neither `done` nor `failed` is called. */
  add<Result>(
    read: (signal: AbortSignal) => Promise<Result>,
    done: (result: Result) => void,
    failed: (message: string) => void,
  ): Cancel {
    const abort = new AbortController();
    let over = false;
    let started = false;
    let cancelDeadline: Cancel = () => {};
    const settle = (tell: () => void): void => {
      if (over) return;
      over = true;
      cancelDeadline();
      tell();
    };
    const begin = (): void => {
      started = true;
      this.#running += 1;
      cancelDeadline = this.#env.after(this.#timeoutMs, () => {
        settle(() => failed(`Khala did not answer within ${this.#timeoutMs} ms.`));
        abort.abort();
      });
      const ended = (tell: () => void): void =>
        this.#env.outbox.turn(() => {
          this.#running -= 1;
          settle(tell);
          this.#next();
        });
      // Promise.resolve().then: a client that throws at once is a read that failed.
      Promise.resolve()
        .then(() => read(abort.signal))
        .then(
          (result) => ended(() => done(result)),
          (error) => ended(() => failed(error instanceof Error ? error.message : String(error))),
        );
    };
    this.#waiting.push(begin);
    this.#next();
    return () => {
      over = true;
      cancelDeadline();
      if (started) abort.abort();
      else {
        const at = this.#waiting.indexOf(begin);
        if (at >= 0) this.#waiting.splice(at, 1);
        if (this.#waiting.length === 0) this.#stopPause();
      }
    };
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#running >= this.#most) return;
    const wait = this.#notBefore - this.#env.clock.monotonic();
    if (wait > 0) {
      this.#cancelPause ??= this.#env.after(wait, () => {
        this.#cancelPause = undefined;
        this.#next();
      });
      return;
    }
    this.#waiting.shift()?.();
    this.#next();
  }

  #stopPause(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
  }
}
