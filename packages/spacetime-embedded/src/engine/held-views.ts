import { Buffer } from 'node:buffer';
import { evaluate } from '../sql/evaluate.ts';
import { compileSubscription } from '../sql/subscription-query.ts';
import { lengthAt } from './bsatn-walk.ts';
import type { ActiveCall } from './call-session.ts';
import type { DatabaseDefinition, TableChange, ViewArgument } from './database.ts';
import { EngineError } from './errors.ts';
import type { ModuleRunner } from './module-runner.ts';
import type { ViewSchema } from './module-schema.ts';
import { ReadSet } from './read-set.ts';
import { messageOf } from './realm.ts';
import { hashBytes, RowSet, StoredRow } from './stored-row.ts';
import { columnStarts, type TableStore } from './table-store.ts';
import type { NetChange, Transaction } from './transaction.ts';
import { transactionSource } from './transaction-source.ts';
import { ViewReads } from './view-reads.ts';

interface HeldView {
  readonly schema: ViewSchema;
  readonly arg: ViewArgument;
  /** Views run in the order in which they were held. */
  readonly serial: number;
  holders: number;
  rows: RowSet;
  reads: ReadSet;
}

/** New contents of a held view, not applied yet. */
export interface ViewRefresh {
  readonly held: HeldView;
  readonly rows: RowSet;
  readonly reads: ReadSet;
  /** Undefined when nothing changed. */
  readonly change: TableChange | undefined;
}

/** Views that somebody reads, kept up to date. */
export class HeldViews {
  readonly #runner: ModuleRunner;
  readonly #now: () => bigint;
  readonly #held = new Map<string, HeldView>();
  readonly #reads = new ViewReads<HeldView>();
  #serial = 0;
  readonly #definition: DatabaseDefinition;
  readonly #stores: readonly TableStore[];
  readonly #owner: string;
  readonly #seed: number;

  constructor(
    runner: ModuleRunner,
    now: () => bigint,
    definition: DatabaseDefinition,
    stores: readonly TableStore[],
    owner: string,
    seed: number,
  ) {
    this.#runner = runner;
    this.#now = now;
    this.#definition = definition;
    this.#stores = stores;
    this.#owner = owner;
    this.#seed = seed;
  }

  rows(schema: ViewSchema, arg: ViewArgument): RowSet {
    const held = this.#held.get(keyOf(schema, arg));
    if (held !== undefined) return held.rows;
    throw new EngineError('view_not_held', `Nobody holds the view "${schema.definition.name}" for ${arg}.`);
  }

  /** @throws {EngineError} `view_failed`. */
  hold(schema: ViewSchema, arg: ViewArgument, tx: Transaction): () => void {
    const key = keyOf(schema, arg);
    let held = this.#held.get(key);
    if (held === undefined) {
      this.#serial += 1;
      held = { schema, arg, serial: this.#serial, holders: 0, ...this.#evaluate(schema, arg, tx) };
      this.#held.set(key, held);
      this.#reads.add(held, held.reads);
    }
    const mine = held;
    mine.holders += 1;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      mine.holders -= 1;
      if (mine.holders > 0) return;
      this.#held.delete(key);
      this.#reads.remove(mine, mine.reads);
    };
  }

  /** Evaluates every held view that read what is about to change. @throws {EngineError} `view_failed`. */
  refresh(changes: readonly NetChange[], tx: Transaction): ViewRefresh[] {
    const concerned = this.#reads.concerned(changes.filter(({ store }) => !store.schema.definition.isEvent));
    const out: ViewRefresh[] = [];
    for (const held of [...concerned].sort((one, other) => one.serial - other.serial)) {
      const { rows, reads } = this.#evaluate(held.schema, held.arg, tx);
      out.push({ held, rows, reads, change: difference(held, rows) });
    }
    return out;
  }

  apply(refreshes: readonly ViewRefresh[]): void {
    for (const { held, rows, reads } of refreshes) {
      held.rows = rows;
      this.#reads.remove(held, held.reads);
      held.reads = reads;
      this.#reads.add(held, reads);
    }
  }

  #evaluate(schema: ViewSchema, arg: ViewArgument, tx: Transaction): { rows: RowSet; reads: ReadSet } {
    const reads = new ReadSet();
    const call: ActiveCall = { kind: 'view', tx, timestamp: this.#now(), fault: undefined, iterators: new Map() };
    tx.reads = reads;
    const none = new Uint8Array();
    const outcome = this.#runner.call(call, (hooks) =>
      schema.definition.isAnonymous
        ? hooks.__call_view_anon__(schema.moduleIndex, none)
        : hooks.__call_view__(schema.moduleIndex, BigInt(`0x${arg}`), none),
    );
    const { name } = schema.definition;
    if (outcome.ended !== 'returned') {
      const why = outcome.ended === 'trap' ? outcome.detail : outcome.message;
      tx.reads = undefined;
      throw new EngineError('view_failed', `The view "${name}" failed: ${why}`);
    }
    try {
      const data = Buffer.from(outcome.value.data);
      const rows = data[0] === 0 ? this.#readRows(schema, data) : this.#queryRows(schema, textOf(data), tx);
      return { rows, reads };
    } catch (cause) {
      throw new EngineError('view_failed', `The view "${name}" failed: ${messageOf(cause)}`, { cause });
    } finally {
      tx.reads = undefined;
    }
  }

  /** The rows of a query that a view gave in place of rows: read as the owner reads, in the transaction. */
  #queryRows(schema: ViewSchema, sql: string, tx: Transaction): RowSet {
    const [query] = compileSubscription(this.#definition, { identity: this.#owner, isOwner: true }, sql);
    if (query === undefined) throw new Error('the query is empty');
    const view = query.tables.find(({ arg }) => arg !== undefined);
    if (view !== undefined) throw new Error(`the query reads the view "${view.table.name}"`);
    const rows = new RowSet();
    for (const match of evaluate(transactionSource(tx, this.#stores), query)) {
      const bytes = Buffer.from(match[query.output]?.bytes ?? []);
      if (columnStarts(schema, bytes).at(-1) !== bytes.length) throw new Error('the query gives other columns');
      this.#add(rows, schema, bytes);
    }
    return rows;
  }

  #add(rows: RowSet, schema: ViewSchema, row: Buffer): void {
    const hash = hashBytes(row, this.#seed);
    if (rows.find(row, hash) === undefined) rows.add(new StoredRow(row, hash, 0, schema.decoders));
  }

  #readRows(schema: ViewSchema, bytes: Buffer): RowSet {
    const rows = new RowSet();
    let at = 5;
    for (let left = lengthAt(bytes, 1); left > 0; left -= 1) {
      const end = columnStarts(schema, bytes, at).at(-1) ?? at;
      this.#add(rows, schema, Buffer.from(bytes.subarray(at, end)));
      at = end;
    }
    return rows;
  }
}

/** The text behind the tag of a query. */
function textOf(data: Buffer): string {
  return data.toString('utf8', 5, 5 + lengthAt(data, 1));
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
