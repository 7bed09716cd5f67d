import type { IndexSchema } from './module-schema.ts';
import type { ReadSet } from './read-set.ts';
import { columnKey, columnStarts, type TableStore } from './table-store.ts';
import type { NetChange } from './transaction.ts';

/** Finds the views that have read what a transaction changes, without looking at the others. */
export class ViewReads<View> {
  readonly #byTable = new Map<TableStore, Set<View>>();
  readonly #byKey = new Map<TableStore, Map<IndexSchema, Map<string, Set<View>>>>();

  add(view: View, { tables, keys }: ReadSet): void {
    for (const store of tables) known(this.#byTable, store, () => new Set<View>()).add(view);
    for (const [store, indexes] of keys) {
      const own = known(this.#byKey, store, () => new Map<IndexSchema, Map<string, Set<View>>>());
      for (const [index, texts] of indexes) {
        const readers = known(own, index, () => new Map<string, Set<View>>());
        for (const key of texts) known(readers, key, () => new Set<View>()).add(view);
      }
    }
  }

  /** @param reads Those that it was added with. */
  remove(view: View, { tables, keys }: ReadSet): void {
    for (const store of tables) forget(this.#byTable, store, view);
    for (const [store, indexes] of keys) {
      const own = this.#byKey.get(store);
      for (const [index, texts] of indexes) {
        const readers = own?.get(index);
        if (readers === undefined) continue;
        for (const key of texts) forget(readers, key, view);
        // An empty index would still cost a key for each changed row.
        if (readers.size === 0) own?.delete(index);
      }
    }
  }

  concerned(changes: readonly NetChange[]): Set<View> {
    const found = new Set<View>();
    for (const { store, inserts, deletes } of changes) {
      for (const view of this.#byTable.get(store) ?? []) found.add(view);
      const indexes = this.#byKey.get(store);
      if (indexes === undefined || indexes.size === 0) continue;
      for (const rows of [inserts, deletes]) {
        for (const { bytes } of rows) {
          const starts = columnStarts(store.schema, bytes);
          for (const [index, readers] of indexes) {
            for (const view of readers.get(columnKey(index, bytes, starts)) ?? []) found.add(view);
          }
        }
      }
    }
    return found;
  }
}

function known<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

function forget<Key, View>(map: Map<Key, Set<View>>, key: Key, view: View): void {
  const views = map.get(key);
  views?.delete(view);
  if (views?.size === 0) map.delete(key);
}
