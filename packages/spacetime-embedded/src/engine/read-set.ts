import type { IndexSchema } from './module-schema.ts';
import type { KeyRange, TableStore } from './table-store.ts';

/**
 * What one run of a view has read: single keys of indexes, and tables as a whole. Nothing else makes it run again. As
 * upstream does, a key counts only with all columns of its index; ranges, scans and counts stand for the table.
 */
export class ReadSet {
  readonly tables = new Set<TableStore>();
  readonly keys = new Map<TableStore, Map<IndexSchema, Set<string>>>();

  table(store: TableStore): void {
    this.tables.add(store);
  }

  range(store: TableStore, index: IndexSchema, { from, isWholeKey }: KeyRange): void {
    if (isWholeKey !== true) {
      this.tables.add(store);
      return;
    }
    const indexes = this.keys.get(store) ?? new Map<IndexSchema, Set<string>>();
    this.keys.set(store, indexes);
    const keys = indexes.get(index) ?? new Set<string>();
    indexes.set(index, keys);
    keys.add(from);
  }
}
