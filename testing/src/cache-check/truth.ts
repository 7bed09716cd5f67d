import { digestOf, type Entry, entryText, State } from './state.ts';

/** A copy of the state is kept so often, so that any state is few steps away. */
const stride = 256;

/** The server's ledger, and every state that it leads to. */
export class Truth {
  readonly entries: readonly Entry[];
  readonly #digests: string[];
  readonly #kept: State[];

  /** @throws {RangeError} unless the entries are numbered from 1 on. */
  constructor(entries: readonly Entry[]) {
    this.entries = entries;
    const state = new State();
    this.#digests = [digestOf(state.rows())];
    this.#kept = [new State(state)];
    for (const entry of entries) {
      if (entry.n !== state.n + 1) throw new RangeError(`Entry ${entry.n} of the ledger follows on ${state.n}.`);
      state.apply(entry);
      this.#digests.push(digestOf(state.rows()));
      if (state.n % stride === 0) this.#kept.push(new State(state));
    }
  }

  /** How many transactions the server has kept. */
  get head(): number {
    return this.entries.length;
  }

  /** The digest of the state after `n` transactions; undefined beyond the head. */
  digest(n: number): string | undefined {
    return this.#digests[n];
  }

  /** Whether the ledger has this very entry in its place. */
  has(entry: Entry): boolean {
    const own = this.entries[entry.n - 1];
    return own !== undefined && entryText(own) === entryText(entry);
  }

  /** The state after `n` transactions, for the caller to go on from. */
  state(n: number): State {
    const base = this.#kept[Math.floor(n / stride)];
    const state = new State(base);
    for (const entry of this.entries.slice(state.n, n)) state.apply(entry);
    return state;
  }
}
