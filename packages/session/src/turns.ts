/**
 * Runs everything that comes from outside (socket, timer, answer, owner) as a turn, and what the outside is to hear of
 * it after the turn, when the state is whole again. So a listener may call back into the session, is never in the way
 * of what is being received, and one that throws disturbs nobody.
 */
export class Turns {
  readonly #calls: (() => void)[] = [];
  readonly #failed: (error: unknown) => void;
  #depth = 0;
  #flushing = false;

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  run<Result>(task: () => Result): Result {
    this.#depth += 1;
    try {
      return task();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0) this.#flush();
    }
  }

  /** Calls foreign code after the present turn, in the order of asking. */
  tell(call: () => void): void {
    this.#calls.push(call);
    if (this.#depth === 0) this.#flush();
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    // By index: listeners may add calls while this runs.
    for (let index = 0; index < this.#calls.length; index += 1) {
      try {
        this.#calls[index]?.();
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#calls.length = 0;
    this.#flushing = false;
  }
}
