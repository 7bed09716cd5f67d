import type { Commit } from './store.ts';

/** Tells listeners about commits, in the order of the commits, and never lets one of them disturb another. */
export class CommitListeners {
  readonly #listeners = new Set<(commit: Commit) => void>();
  readonly #queue: Commit[] = [];
  #isTelling = false;
  #errors = 0;

  /** How often a listener threw. */
  get errors(): number {
    return this.#errors;
  }

  add(listener: (commit: Commit) => void): () => void {
    // Wrapped, so that one function added twice is two listeners that are taken back one by one.
    const own = (commit: Commit) => listener(commit);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** A commit made by a listener is told after the commit that the listener is being told about. */
  tell(commit: Commit): void {
    this.#queue.push(commit);
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      for (const listener of [...this.#listeners]) {
        try {
          listener(next);
        } catch {
          this.#errors += 1;
        }
      }
    }
    this.#isTelling = false;
  }
}
