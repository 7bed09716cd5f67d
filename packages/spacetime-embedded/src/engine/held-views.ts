import { Buffer } from 'node:buffer';
import { lengthAt } from './bsatn-walk.ts';
import type { ActiveCall } from './call-session.ts';
import type { TableChange, ViewArgument } from './database.ts';
import { EngineError } from './errors.ts';
import type { ModuleRunner } from './module-runner.ts';
import type { ViewSchema } from './module-schema.ts';
import { hashBytes, RowSet, StoredRow } from './stored-row.ts';
import { columnStarts, type TableStore } from './table-store.ts';
import type { NetChange, Transaction } from './transaction.ts';

interface HeldView {
  readonly schema: ViewSchema;
  readonly arg: ViewArgument;
  holders: number;
  rows: RowSet;
  reads: ReadonlySet<TableStore>;
}

/** New contents of a held view, not applied yet. */
export interface ViewRefresh {
  readonly held: HeldView;
  readonly rows: RowSet;
  readonly reads: ReadonlySet<TableStore>;
  /** Undefined when nothing changed. */
  readonly change: TableChange | undefined;
}

/** Views that somebody reads, kept up to date. */
export class HeldViews {
  readonly #runner: ModuleRunner;
  readonly #now: () => bigint;
  readonly #held = new Map<string, HeldView>();
  readonly #seed: number;

  constructor(runner: ModuleRunner, now: () => bigint, seed: number) {
    this.#runner = runner;
    this.#now = now;
    this.#seed = seed;
  }

  rows(schema: ViewSchema, arg: ViewArgument): Iterable<StoredRow> {
    const held = this.#held.get(keyOf(schema, arg));
    if (held !== undefined) return held.rows;
    throw new EngineError('view_not_held', `Nobody holds the view "${schema.definition.name}" for ${arg}.`);
  }

  /** @throws {EngineError} `view_failed`, `module_unsupported`. */
  hold(schema: ViewSchema, arg: ViewArgument, tx: Transaction): () => void {
    const key = keyOf(schema, arg);
    let held = this.#held.get(key);
    if (held === undefined) {
      held = { schema, arg, holders: 0, ...this.#evaluate(schema, arg, tx) };
      this.#held.set(key, held);
    }
    const mine = held;
    mine.holders += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      mine.holders -= 1;
      if (mine.holders === 0) this.#held.delete(key);
    };
  }

  /** Evaluates every held view that read a table which is about to change. @throws {EngineError} `view_failed`. */
  refresh(changes: readonly NetChange[], tx: Transaction): ViewRefresh[] {
    const changed = changes.filter(({ store }) => !store.schema.definition.isEvent).map(({ store }) => store);
    const out: ViewRefresh[] = [];
    if (changed.length === 0) return out;
    for (const held of this.#held.values()) {
      if (!changed.some((store) => held.reads.has(store))) continue;
      const { rows, reads } = this.#evaluate(held.schema, held.arg, tx);
      out.push({ held, rows, reads, change: difference(held, rows) });
    }
    return out;
  }

  apply(refreshes: readonly ViewRefresh[]): void {
    for (const { held, rows, reads } of refreshes) {
      held.rows = rows;
      held.reads = reads;
    }
  }

  #evaluate(schema: ViewSchema, arg: ViewArgument, tx: Transaction): { rows: RowSet; reads: ReadonlySet<TableStore> } {
    const reads = new Set<TableStore>();
    const call: ActiveCall = { kind: 'view', tx, timestamp: this.#now(), fault: undefined, iterators: new Map() };
    tx.reads = reads;
    const none = new Uint8Array();
    const outcome = this.#runner.call(call, (hooks) =>
      schema.definition.isAnonymous
        ? hooks.__call_view_anon__(schema.moduleIndex, none)
        : hooks.__call_view__(schema.moduleIndex, BigInt(`0x${arg}`), none),
    );
    tx.reads = undefined;
    const { name } = schema.definition;
    if (outcome.ended !== 'returned') {
      const why = outcome.ended === 'trap' ? outcome.detail : outcome.message;
      throw new EngineError('view_failed', `The view "${name}" failed: ${why}`);
    }
    return { rows: this.#readRows(schema, Buffer.from(outcome.value.data)), reads };
  }

  #readRows(schema: ViewSchema, bytes: Buffer): RowSet {
    const { name } = schema.definition;
    if (bytes[0] !== 0) {
      throw new EngineError('module_unsupported', `The view "${name}" returns a query; this host runs views of rows.`);
    }
    const rows = new RowSet();
    let at = 5;
    for (let left = lengthAt(bytes, 1); left > 0; left -= 1) {
      const end = columnStarts(schema, bytes, at).at(-1) ?? at;
      const row = Buffer.from(bytes.subarray(at, end));
      const hash = hashBytes(row, this.#seed);
      if (rows.find(row, hash) === undefined) rows.add(new StoredRow(row, hash, 0, schema.decoders));
      at = end;
    }
    return rows;
  }
}

function difference(held: HeldView, rows: RowSet): TableChange | undefined {
  const inserts = [...rows].filter((row) => held.rows.find(row.bytes, row.hash) === undefined);
  const deletes = [...held.rows].filter((row) => rows.find(row.bytes, row.hash) === undefined);
  if (inserts.length === 0 && deletes.length === 0) return undefined;
  return { table: held.schema.definition, arg: held.arg, inserts, deletes };
}

function keyOf(schema: ViewSchema, arg: ViewArgument): string {
  return `${schema.definition.id}:${schema.definition.isAnonymous ? 'anonymous' : arg}`;
}
