import type { LaneSignal } from '@autopilot/sync-contract';

/**
 * Signals on their way to the listeners. They leave only between two turns, when the state of the lane is whole: a
 * listener may call back into the lane. What became untrue meanwhile (its stream was rewound or let go) does not leave.
 */
export class Outbox {
  readonly #listeners = new Set<(signal: LaneSignal) => void>();
  readonly #waiting: { readonly signal: LaneSignal; readonly holds: () => boolean }[] = [];
  readonly #failed: () => void;
  #turns = 0;
  #leaving = false;

  /** @param failed told of each listener that threw. */
  constructor(failed: () => void) {
    this.#failed = failed;
  }

  listen(listener: (signal: LaneSignal) => void): () => void {
    // A wrapper, so that one function given twice is two listeners.
    const own = (signal: LaneSignal): void => listener(signal);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  put(signal: LaneSignal, holds: () => boolean = () => true): void {
    this.#waiting.push({ signal, holds });
  }

  /** Runs something that changes the lane, then lets the signals go. */
  turn<Result>(task: () => Result): Result {
    this.#turns += 1;
    try {
      return task();
    } finally {
      this.#turns -= 1;
      if (this.#turns === 0 && !this.#leaving) this.#flush();
    }
  }

  /** Forgets the listeners: nothing is told any more. */
  end(): void {
    this.#listeners.clear();
    this.#waiting.length = 0;
  }

  #flush(): void {
    this.#leaving = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      for (const listener of this.#listeners) {
        // Asked before each listener: the one before may have rewound the stream.
        if (!next.holds()) break;
        try {
          listener(next.signal);
        } catch {
          this.#failed();
        }
      }
    }
    this.#leaving = false;
  }
}
