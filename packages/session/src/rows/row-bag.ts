import type { TableRows, TableUpdate } from '../wire/server-message.ts';

/** What changed in one table, as raw rows. */
export interface RawChange {
  readonly table: string;
  readonly inserts: readonly Uint8Array[];
  readonly deletes: readonly Uint8Array[];
  readonly events: readonly Uint8Array[];
}

interface Held {
  readonly row: Uint8Array;
  count: number;
}

/**
 * The rows of one query set, counted: queries may overlap, and the server then sends a row once for each of them. A row
 * is there while its count is above zero. Rows are compared by their bytes, since one value has one encoding.
 */
export class RowBag {
  readonly #tables = new Map<string, Map<string, Held>>();

  /** The rows of a table. */
  rows(table: string): Uint8Array[] {
    return [...(this.#tables.get(table)?.values() ?? [])].map((held) => held.row);
  }

  /** Adds the rows of a SubscribeApplied. */
  fill(tables: readonly TableRows[]): void {
    for (const { table, rows } of tables) {
      const held = this.#table(table);
      for (const row of rows) count(held, row, 1);
    }
  }

  /** Applies one transaction and returns what really changed; tables without any change are left out. */
  apply(updates: readonly TableUpdate[]): RawChange[] {
    const changes: RawChange[] = [];
    for (const update of updates) {
      const held = this.#table(update.table);
      const touched = new Map<string, { readonly before: boolean; readonly row: Uint8Array }>();
      const touch = (row: Uint8Array, by: number) => {
        const key = keyOf(row);
        if (!touched.has(key)) touched.set(key, { before: held.has(key), row: held.get(key)?.row ?? row.slice() });
        count(held, row, by);
      };
      for (const row of update.inserts) touch(row, 1);
      for (const row of update.deletes) touch(row, -1);
      const inserts: Uint8Array[] = [];
      const deletes: Uint8Array[] = [];
      for (const [key, { before, row }] of touched) {
        if (before === held.has(key)) continue;
        (before ? deletes : inserts).push(row);
      }
      const events = update.events.map((row) => row.slice());
      if (inserts.length + deletes.length + events.length > 0) {
        changes.push({ table: update.table, inserts, deletes, events });
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

  #table(name: string): Map<string, Held> {
    let held = this.#tables.get(name);
    if (held === undefined) {
      held = new Map();
      this.#tables.set(name, held);
    }
    return held;
  }
}

/** The rows of a table over several bags, each once: what is there while any query set holds it. */
export function unionOfRows(bags: Iterable<RowBag>, table: string): Uint8Array[] {
  const union = new Map<string, Uint8Array>();
  for (const bag of bags) for (const row of bag.rows(table)) union.set(keyOf(row), row);
  return [...union.values()];
}

function count(held: Map<string, Held>, row: Uint8Array, by: number): void {
  const key = keyOf(row);
  const known = held.get(key);
  const total = (known?.count ?? 0) + by;
  // A delete of a row that is not there is a defect of the server; it must not eat a later insert.
  if (total <= 0) held.delete(key);
  else if (known !== undefined) known.count = total;
  else held.set(key, { row: row.slice(), count: total });
}

function missingIn(from: Map<string, Held> | undefined, other: Map<string, Held> | undefined): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (const [key, held] of from ?? []) if (other?.has(key) !== true) rows.push(held.row);
  return rows;
}

/** Copies the bytes into a string, which compares fast and does not keep the frame alive. */
function keyOf(row: Uint8Array): string {
  return Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('latin1');
}
