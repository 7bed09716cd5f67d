import type { RawChange, RowBag } from './row-bag.ts';

/**
 * The rows that one of two bags shows and the other does not, while both hear of the same transactions at different
 * times. Made once by comparing them; after that it costs what changes.
 */
export class RowGap {
  readonly #apart = new Set<string>();

  constructor(one: RowBag, other: RowBag) {
    this.changed(one.changesTo(other));
  }

  /** Whether both show the same. */
  get isClosed(): boolean {
    return this.#apart.size === 0;
  }

  /** One of the two has changed. */
  changed(changes: readonly RawChange[]): void {
    for (const { table, inserts, deletes } of changes) {
      for (const rows of [inserts, deletes]) {
        for (const row of rows) {
          const key = `${table}\n${keyOf(row)}`;
          if (!this.#apart.delete(key)) this.#apart.add(key);
        }
      }
    }
  }
}

/** Copies the bytes into a string, which compares fast and does not keep the frame alive. */
function keyOf(row: Uint8Array): string {
  return Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('latin1');
}
