import { BTree } from './btree.ts';
import type { IndexSchema } from './module-schema.ts';
import type { ReadSet } from './read-set.ts';
import { RowSet, type StoredRow } from './stored-row.ts';
import { SysError } from './sys-error.ts';
import { columnKey, columnStarts, type KeyRange, rowKeys, type TableStore } from './table-store.ts';

/** What a transaction has changed in one table. */
interface Overlay {
  readonly store: TableStore;
  /** Rows that are new, with their keys. */
  readonly inserted: RowSet;
  readonly keys: Map<StoredRow, readonly string[]>;
  readonly trees: readonly BTree<StoredRow>[];
  /** Committed rows that are gone. */
  readonly deleted: Set<StoredRow>;
}

/** The net effect of a transaction on one table. */
export interface NetChange {
  readonly store: TableStore;
  readonly inserts: readonly StoredRow[];
  readonly deletes: readonly StoredRow[];
  readonly keys: ReadonlyMap<StoredRow, readonly string[]>;
}

/**
 * Staged changes over the committed tables. Nothing of it is seen outside before the commit, and dropping the object
 * is the rollback.
 */
export class Transaction {
  /** Collects what is read, while it is set. */
  reads: ReadSet | undefined;
  readonly #overlays = new Map<TableStore, Overlay>();

  /** The net effect, table by table; empty when there is none. */
  changes(): NetChange[] {
    const out: NetChange[] = [];
    for (const { store, inserted, deleted, keys } of this.#overlays.values()) {
      if (inserted.size > 0 || deleted.size > 0)
        out.push({ store, inserts: [...inserted], deletes: [...deleted], keys });
    }
    return out;
  }

  count(store: TableStore): number {
    this.reads?.table(store);
    const overlay = this.#overlays.get(store);
    const committed = store.rows.size;
    return overlay === undefined ? committed : committed - overlay.deleted.size + overlay.inserted.size;
  }

  /** All rows: the committed ones first. */
  scan(store: TableStore): StoredRow[] {
    this.reads?.table(store);
    const overlay = this.#overlays.get(store);
    if (overlay === undefined) return [...store.rows];
    const out: StoredRow[] = [];
    for (const row of store.rows) if (!overlay.deleted.has(row)) out.push(row);
    for (const row of overlay.inserted) out.push(row);
    return out;
  }

  /** Rows of an index range: those of this transaction first, each part in key order. */
  range(store: TableStore, index: IndexSchema, range: KeyRange): StoredRow[] {
    this.reads?.range(store, index, range);
    const { from, to } = range;
    const overlay = this.#overlays.get(store);
    const committed = store.trees[index.position] as BTree<StoredRow>;
    if (overlay === undefined) return [...committed.range(from, to)];
    const out = [...(overlay.trees[index.position] as BTree<StoredRow>).range(from, to)];
    for (const row of committed.range(from, to)) if (!overlay.deleted.has(row)) out.push(row);
    return out;
  }

  /**
   * Adds a row; a row that is there already changes nothing.
   * @throws {SysError} `uniqueAlreadyExists`.
   */
  insert(store: TableStore, bytes: Buffer): void {
    const overlay = this.#overlay(store);
    const hash = store.hash(bytes);
    const committed = store.rows.find(bytes, hash);
    if (overlay.inserted.find(bytes, hash) !== undefined) return;
    if (committed !== undefined && !overlay.deleted.has(committed)) return;
    const starts = columnStarts(store.schema, bytes);
    for (const index of store.schema.uniqueIndexes) {
      if (this.#unique(overlay, index, columnKey(index, bytes, starts)) !== undefined) {
        throw new SysError('uniqueAlreadyExists');
      }
    }
    // Deleting a row and adding it again cancels out.
    if (committed !== undefined) overlay.deleted.delete(committed);
    else this.#add(overlay, store.newRow(bytes, hash));
  }

  /**
   * Replaces the row that has the same value under a unique index.
   * @throws {SysError} `noSuchRow`, `uniqueAlreadyExists`.
   */
  update(store: TableStore, index: IndexSchema, bytes: Buffer): void {
    const overlay = this.#overlay(store);
    const starts = columnStarts(store.schema, bytes);
    const old = this.#unique(overlay, index, columnKey(index, bytes, starts));
    if (old === undefined) throw new SysError('noSuchRow');
    if (old.bytes.equals(bytes)) return;
    for (const other of store.schema.uniqueIndexes) {
      const taken = this.#unique(overlay, other, columnKey(other, bytes, starts));
      if (taken !== undefined && taken !== old) throw new SysError('uniqueAlreadyExists');
    }
    this.delete(store, old);
    this.insert(store, bytes);
  }

  /** Removes a row that is visible in this transaction. */
  delete(store: TableStore, row: StoredRow): void {
    const overlay = this.#overlay(store);
    const keys = overlay.keys.get(row);
    if (keys === undefined) {
      overlay.deleted.add(row);
      return;
    }
    overlay.inserted.delete(row);
    overlay.keys.delete(row);
    for (const [position, tree] of overlay.trees.entries()) tree.delete(keys[position] as string);
  }

  /** The visible row with exactly these bytes. */
  find(store: TableStore, bytes: Buffer): StoredRow | undefined {
    this.reads?.table(store);
    const hash = store.hash(bytes);
    const overlay = this.#overlays.get(store);
    const inserted = overlay?.inserted.find(bytes, hash);
    if (inserted !== undefined) return inserted;
    const committed = store.rows.find(bytes, hash);
    return committed !== undefined && overlay?.deleted.has(committed) ? undefined : committed;
  }

  /** The row under a full key of a unique index. */
  #unique(overlay: Overlay, index: IndexSchema, key: string): StoredRow | undefined {
    const own = (overlay.trees[index.position] as BTree<StoredRow>).get(key);
    if (own !== undefined) return own;
    const committed = (overlay.store.trees[index.position] as BTree<StoredRow>).get(key);
    return committed === undefined || overlay.deleted.has(committed) ? undefined : committed;
  }

  #add(overlay: Overlay, row: StoredRow): void {
    const keys = rowKeys(overlay.store.schema, row);
    overlay.inserted.add(row);
    overlay.keys.set(row, keys);
    for (const [position, tree] of overlay.trees.entries()) tree.set(keys[position] as string, row);
  }

  #overlay(store: TableStore): Overlay {
    let overlay = this.#overlays.get(store);
    if (overlay === undefined) {
      overlay = {
        store,
        inserted: new RowSet(),
        keys: new Map(),
        trees: store.schema.indexes.map(() => new BTree<StoredRow>()),
        deleted: new Set(),
      };
      this.#overlays.set(store, overlay);
    }
    return overlay;
  }
}
