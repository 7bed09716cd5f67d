import { type RowText, readRowText } from './rows.ts';
import { digestOf, type Entry, entryOf } from './state.ts';

/** What a subscriber has been told to show: a set of rows. */
export class Shown {
  readonly #rows: Set<RowText>;

  constructor(rows: readonly RowText[]) {
    this.#rows = new Set(rows);
  }

  get rows(): ReadonlySet<RowText> {
    return this.#rows;
  }

  get digest(): string {
    return digestOf(this.#rows);
  }

  /** Applies a change, and returns what of it does not fit: rows that come and are there, or go and are not. */
  apply(incoming: readonly RowText[], outgoing: readonly RowText[]): { again: RowText[]; absent: RowText[] } {
    const absent = outgoing.filter((row) => !this.#rows.delete(row));
    const again = incoming.filter((row) => this.#rows.has(row));
    for (const row of incoming) this.#rows.add(row);
    return { again, absent };
  }

  /** The entries that are shown, by number. */
  entries(): Map<number, Entry> {
    const entries = new Map<number, Entry>();
    for (const row of this.#rows) {
      if (!row.startsWith('entry:')) continue;
      const entry = entryOf(readRowText(row).cells);
      entries.set(entry.n, entry);
    }
    return entries;
  }

  /** How it differs from what it should be, in few words. */
  difference(expected: readonly RowText[]): string {
    const wanted = new Set(expected);
    const missing = expected.filter((row) => !this.#rows.has(row));
    const surplus = [...this.#rows].filter((row) => !wanted.has(row));
    return `missing ${some(missing)}; too many ${some(surplus)}`;
  }
}

/** A few of many rows. */
export function some(rows: readonly RowText[]): string {
  if (rows.length === 0) return 'none';
  const more = rows.length > 3 ? ` and ${rows.length - 3} more` : '';
  return `${rows.slice(0, 3).join(' ')}${more}`;
}
