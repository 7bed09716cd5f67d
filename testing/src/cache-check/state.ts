import { createHash } from 'node:crypto';
import { type RowText, rowText } from './rows.ts';
import { accounts, slots, windowSize } from './sizes.ts';

/** One committed transfer, as the module's ledger has it. */
export interface Entry {
  /** The number of the transaction, from 1. */
  readonly n: number;
  readonly writer: number;
  readonly nonce: number;
  readonly source: number;
  readonly target: number;
  readonly amount: number;
  /** Microseconds since the Unix epoch, by the server. */
  readonly at: number;
}

/** What the public tables hold after a number of transfers: the module, said once more without a database. */
export class State {
  #n = 0;
  readonly #balances: number[];
  /** Per account and per slot, the last transaction that wrote it. */
  readonly #written: number[];
  readonly #marks: number[];
  #window: readonly Entry[] = [];

  constructor(from?: State) {
    this.#n = from?.n ?? 0;
    this.#balances = from === undefined ? new Array<number>(accounts).fill(0) : [...from.#balances];
    this.#written = from === undefined ? new Array<number>(accounts).fill(0) : [...from.#written];
    this.#marks = from === undefined ? new Array<number>(slots).fill(0) : [...from.#marks];
    this.#window = from === undefined ? [] : from.#window;
  }

  /** How many transfers led here. */
  get n(): number {
    return this.#n;
  }

  /** Goes on by one transfer, whose number is taken as the next one. */
  apply(entry: Entry): void {
    const { source, target, amount } = entry;
    this.#n += 1;
    this.#balances[source] = (this.#balances[source] ?? 0) - amount;
    this.#balances[target] = (this.#balances[target] ?? 0) + amount;
    this.#written[source] = this.#n;
    this.#written[target] = this.#n;
    this.#marks[this.#n % slots] = this.#n;
    this.#window = [...this.#window, entry].slice(-windowSize);
  }

  rows(): RowText[] {
    return [
      rowText('head', [0, this.#n]),
      ...this.#balances.map((balance, id) => rowText('account', [id, balance, this.#written[id] ?? 0])),
      ...this.#window.map(entryText),
      ...this.#marks.flatMap((n, slot) => (n === 0 ? [] : [0, 1].map((side) => rowText('mark', [slot, side, n])))),
    ];
  }
}

/** The state after all of these entries, which must be numbered from 1 on. */
export function stateAfter(entries: Iterable<Entry>): State {
  const state = new State();
  for (const entry of entries) state.apply(entry);
  return state;
}

export function entryText({ n, writer, nonce, source, target, amount, at }: Entry): RowText {
  return rowText('entry', [n, writer, nonce, source, target, amount, at]);
}

/** The entry of a row text of the table `entry`, from its cells. */
export function entryOf(cells: readonly number[]): Entry {
  const [n = 0, writer = 0, nonce = 0, source = 0, target = 0, amount = 0, at = 0] = cells;
  return { n, writer, nonce, source, target, amount, at };
}

/** Says of two sets of rows whether they are the same, whatever their order. */
export function digestOf(rows: Iterable<RowText>): string {
  return createHash('sha256')
    .update([...rows].sort().join('\n'))
    .digest('hex')
    .slice(0, 24);
}
