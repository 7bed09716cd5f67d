import { noRows, type RowList } from '../wire/row-list.ts';
import { RowSlices } from '../wire/row-slices.ts';
import type { TableRows, TableUpdate } from '../wire/server-message.ts';
import { RowTable } from './row-table.ts';

/** What changed in one table, as raw rows. */
export interface RawChange {
  readonly table: string;
  readonly inserts: RowList<Uint8Array>;
  readonly deletes: RowList<Uint8Array>;
  readonly events: RowList<Uint8Array>;
}

/**
 * The rows of one query set, counted: queries may overlap, and the server then sends a row once for each of them. A row
 * is there while its count is above zero. Rows are compared by their bytes, since one value has one encoding.
 *
 * Rows are handed out as views of the bag's own memory, where nothing is ever written again: not to be written to.
 */
export class RowBag {
  readonly #tables = new Map<string, RowTable>();

  /** The rows of a table. */
  rows(table: string): Uint8Array[] {
    return this.#tables.get(table)?.rows() ?? [];
  }

  /** Adds the rows of a table to another table. */
  addTo(union: RowTable, table: string): void {
    const held = this.#tables.get(table);
    if (held === undefined) return;
    union.reserve(held.size, 0);
    held.each((view, start, end) => union.add(view, start, end));
    union.settle();
  }

  /** Adds the rows of a SubscribeApplied. */
  fill(tables: readonly TableRows[]): void {
    for (const { table, rows } of tables) {
      const held = this.#table(table);
      held.reserve(rows.length, rows.size);
      for (let index = 0; index < rows.length; index += 1) held.increment(addRow(held, rows, index));
      held.settle();
    }
  }

  /** Applies one transaction and returns what really changed; tables without any change are left out. */
  apply(updates: readonly TableUpdate[]): RawChange[] {
    const changes: RawChange[] = [];
    for (const { table, inserts, deletes, events } of updates) {
      const stored = inserts.length + deletes.length > 0 ? changed(this.#table(table), inserts, deletes) : unchanged;
      if (stored.inserts.length + stored.deletes.length + events.length > 0) {
        changes.push({ table, inserts: stored.inserts, deletes: stored.deletes, events: copied(events) });
      }
    }
    return changes;
  }

  /** What leads from this bag to another one: how a new connection's baseline differs from what was shown. */
  changesTo(other: RowBag): RawChange[] {
    const changes: RawChange[] = [];
    for (const table of new Set([...this.#tables.keys(), ...other.#tables.keys()])) {
      const inserts = missingIn(other.#tables.get(table), this.#tables.get(table));
      const deletes = missingIn(this.#tables.get(table), other.#tables.get(table));
      if (inserts.length + deletes.length > 0) changes.push({ table, inserts, deletes, events: [] });
    }
    return changes;
  }

  #table(name: string): RowTable {
    let held = this.#tables.get(name);
    if (held === undefined) {
      held = new RowTable();
      this.#tables.set(name, held);
    }
    return held;
  }
}

/** The rows of a table over several bags, each once: what is there while any query set holds it. */
export function unionOfRows(bags: Iterable<RowBag>, table: string): Uint8Array[] {
  const union = new RowTable();
  for (const bag of bags) bag.addTo(union, table);
  return union.rows();
}

const unchanged: Pick<RawChange, 'inserts' | 'deletes'> = { inserts: noRows, deletes: noRows };

function addRow(held: RowTable, rows: RowSlices, index: number): number {
  return held.add(rows.view, rows.startOf(index), rows.endOf(index));
}

/** Counts the rows of one transaction and tells which have come and which have gone, in the order of their naming. */
function changed(held: RowTable, inserted: RowSlices, deleted: RowSlices): Pick<RawChange, 'inserts' | 'deletes'> {
  held.reserve(inserted.length, inserted.size);
  if (deleted.length === 0) return { inserts: added(held, inserted), deletes: noRows };
  /** Entries with what they counted before, each at its first mention. */
  const touched = new Map<number, number>();
  for (let index = 0; index < inserted.length; index += 1) {
    const entry = addRow(held, inserted, index);
    const count = held.increment(entry);
    if (!touched.has(entry)) touched.set(entry, count);
  }
  held.settle();
  for (let index = 0; index < deleted.length; index += 1) {
    const entry = held.find(deleted.view, deleted.startOf(index), deleted.endOf(index));
    // A delete of a row that is not there is a defect of the server; it must not eat a later insert.
    if (entry < 0) continue;
    const count = held.count(entry);
    if (!touched.has(entry)) touched.set(entry, count);
    held.setCount(entry, Math.max(0, count - 1));
  }
  const inserts: Uint8Array[] = [];
  const deletes: Uint8Array[] = [];
  for (const [entry, before] of touched) {
    const isThere = held.count(entry) > 0;
    if (isThere && before === 0) inserts.push(held.row(entry));
    if (isThere) continue;
    if (before > 0) deletes.push(held.row(entry));
    held.remove(entry);
  }
  return { inserts, deletes };
}

/** Most transactions only add rows, and then nothing has to be remembered of what was there before. */
function added(held: RowTable, rows: RowSlices): RowList<Uint8Array> {
  const from = held.made;
  for (let index = 0; index < rows.length; index += 1) held.increment(addRow(held, rows, index));
  held.settle();
  // Whatever was there already counted at least one: those that are new are those that were made.
  return held.made === from ? noRows : held.from(from);
}

/** Copied together, so that an owner who keeps one does not keep the frame. */
function copied(events: RowSlices): RowList<Uint8Array> {
  return events.length === 0 ? noRows : RowSlices.joined(events);
}

function missingIn(from: RowTable | undefined, other: RowTable | undefined): Uint8Array[] {
  if (from === undefined) return [];
  if (other === undefined || other.size === 0) return from.rows();
  const missing: Uint8Array[] = [];
  from.each((view, start, end, entry) => {
    if (other.find(view, start, end) < 0) missing.push(from.row(entry));
  });
  return missing;
}
