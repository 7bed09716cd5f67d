import { seededRandom } from '../../src/cache-check/random.ts';
import type { RecordLine, Seen, View } from '../../src/cache-check/record.ts';
import type { RowText } from '../../src/cache-check/rows.ts';
import { accounts } from '../../src/cache-check/sizes.ts';
import { digestOf, type Entry, stateAfter } from '../../src/cache-check/state.ts';

/** A ledger of so many transfers by two writers. `from` goes on from the end of another one. */
export function ledgerOf(length: number, seed = 1, from: readonly Entry[] = []): Entry[] {
  const random = seededRandom(seed);
  const entries = [...from];
  while (entries.length < from.length + length) {
    const n = entries.length + 1;
    const writer = random.between(1, 2);
    const nonce = entries.filter((entry) => entry.writer === writer).length + 1;
    const source = random.between(0, accounts - 1);
    const target = (source + random.between(1, accounts - 1)) % accounts;
    entries.push({ n, writer, nonce, source, target, amount: random.between(1, 100), at: seed * 1e6 + n });
  }
  return entries;
}

/** Writes the record that a faultless subscriber would write. */
export class History {
  readonly lines: RecordLine[] = [];
  /** The ledger of the server's present life. */
  entries: readonly Entry[];
  #rows: readonly RowText[] = [];
  #n = 0;
  #at = 1000;

  constructor(entries: readonly Entry[]) {
    this.entries = entries;
  }

  get n(): number {
    return this.#n;
  }

  start(): this {
    this.lines.push({ k: 'start', at: this.#tick(), pid: 1 });
    return this;
  }

  /** A snapshot of the state after `n`. */
  snapshot(source: 'baseline' | 'resync', n: number): this {
    const rows = this.rowsAt(n);
    const before = source === 'baseline' ? [] : this.#rows;
    return this.push({ source, ...change(before, rows), events: [], view: viewAt(rows, n) }, rows, n);
  }

  /** Every transaction up to `n`, one by one. `ahead` says how far the cache is ahead of what is told. */
  follow(n: number, ahead = 0): this {
    while (this.#n < n) {
      const next = this.#n + 1;
      const rows = this.rowsAt(next);
      const viewed = Math.min(n, next + ahead);
      const view = viewAt(this.rowsAt(viewed), viewed);
      this.push({ source: 'transaction', ...change(this.#rows, rows), events: [next], view }, rows, next);
    }
    return this;
  }

  push(seen: Omit<Seen, 'k' | 'at'>, rows: readonly RowText[], n: number): this {
    this.lines.push({ k: 'seen', at: this.#tick(), ...seen });
    this.#rows = rows;
    this.#n = n;
    return this;
  }

  rowsAt(n: number): RowText[] {
    return stateAfter(this.entries.slice(0, n)).rows();
  }

  #tick(): number {
    this.#at += 10;
    return this.#at;
  }
}

export function viewAt(rows: readonly RowText[], n: number): View {
  return { n, digest: digestOf(rows) };
}

/** The observations of a record, to be changed. */
export function seenOf(lines: readonly RecordLine[]): Seen[] {
  return lines.filter((line) => line.k === 'seen');
}

function change(before: readonly RowText[], after: readonly RowText[]): { in: RowText[]; out: RowText[] } {
  const [old, now] = [new Set(before), new Set(after)];
  return { in: after.filter((row) => !old.has(row)), out: before.filter((row) => !now.has(row)) };
}
