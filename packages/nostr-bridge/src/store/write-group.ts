/** What it writes to; see `BridgeFile`. */
interface Transactions {
  transaction<T>(doing: string, work: () => T): T;
  part<T>(doing: string, work: () => T): T;
}

/** Work that waits for the transaction of its turn. */
interface Waiting {
  readonly doing: string;
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What came of one of them: known before it is stored. */
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Gathers what is to be written in one turn of the event loop into one transaction: what a commit costs is shared. */
export class WriteGroup {
  readonly #file: Transactions;
  #waiting: Waiting[] = [];

  constructor(file: Transactions) {
    this.#file = file;
  }

  /** See `BridgeFile.together`. */
  add<T>(doing: string, work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ doing, work, resolve: resolve as Waiting['resolve'], reject });
      if (this.#waiting.length === 1) queueMicrotask(() => this.flush());
    });
  }

  /** Does now what waits. */
  flush(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const outcomes = group.length > 1 ? this.#atOnce(group) : undefined;
    for (const [at, { doing, work, resolve, reject }] of group.entries()) {
      // What could not be stored with others may be stored alone.
      const outcome = outcomes?.[at] ?? outcomeOf(() => this.#file.transaction(doing, work));
      if ('error' in outcome) reject(outcome.error);
      else resolve(outcome.value);
    }
  }

  /** @returns undefined when nothing of it was stored. */
  #atOnce(group: readonly Waiting[]): Outcome[] | undefined {
    try {
      return this.#file.transaction('Writing together', () =>
        group.map(({ doing, work }) => outcomeOf(() => this.#file.part(doing, work))),
      );
    } catch {
      return undefined;
    }
  }
}

function outcomeOf(work: () => unknown): Outcome {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}
