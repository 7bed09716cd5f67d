import type { Row, TableChange } from '../engine/database.ts';
import { holds, joins, partners, type RowSource } from '../sql/evaluate.ts';
import { matchesOf } from '../sql/evaluate-all.ts';
import type { SubscriptionQuery } from '../sql/subscription-query.ts';
import { changesOf, type RowChanges } from './change-set.ts';

/** What one query says of a commit: row bytes, as often as the query gives them. */
export interface Delta {
  readonly inserts: readonly Uint8Array[];
  readonly deletes: readonly Uint8Array[];
}

/** The delta of a query over one table, of the rows that may concern it. */
export function tableDelta(query: SubscriptionQuery, changes: RowChanges): Delta {
  const bytes = (rows: readonly Row[]) => rows.filter((row) => holds(query.conditions, [row])).map((row) => row.bytes);
  return { inserts: bytes(changes.inserts), deletes: bytes(changes.deletes) };
}

/**
 * The delta of a join: new matches minus old matches, as bags. With L and R the tables after the commit and dL, dR
 * their signed changes, that is dL x R + (L - dL) x dR.
 */
export function joinDelta(source: RowSource, query: SubscriptionQuery, tables: readonly TableChange[]): Delta {
  const [left, right] = query.tables;
  if (left === undefined || right === undefined) return { inserts: [], deletes: [] };
  const leftChanges = changesOf(tables, left.table, left.arg);
  const rightChanges = changesOf(tables, right.table, right.arg);
  const bag = new Bag();
  const count = (match: readonly Row[], sign: number) => {
    const row = match[query.output];
    if (row !== undefined && holds(query.conditions, match)) bag.add(row.bytes, sign);
  };
  for (const [row, sign] of signed(leftChanges)) {
    for (const other of partners(source, query, 0, row)) count([row, other], sign);
  }
  for (const [row, sign] of signed(rightChanges)) {
    // An event is not kept: before and after the commit the table is empty, and its rows joined above.
    if (left.table.isEvent) break;
    for (const other of partners(source, query, 1, row)) count([other, row], sign);
    for (const [other, otherSign] of signed(leftChanges)) {
      if (joins(query, [other, row])) count([other, row], -sign * otherSign);
    }
  }
  return bag.delta();
}

/** The rows that a query gives now. */
export function currentRows(source: RowSource, query: SubscriptionQuery): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (const match of matchesOf(source, query)) {
    const row = match[query.output];
    if (row !== undefined) rows.push(row.bytes);
  }
  return rows;
}

function* signed(changes: RowChanges): Generator<readonly [Row, number]> {
  for (const row of changes.inserts) yield [row, 1];
  for (const row of changes.deletes) yield [row, -1];
}

/** Rows by their bytes, with a signed count. */
class Bag {
  private readonly counts = new Map<string, { readonly bytes: Uint8Array; count: number }>();

  add(bytes: Uint8Array, sign: number): void {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    const entry = this.counts.get(key);
    if (entry === undefined) this.counts.set(key, { bytes, count: sign });
    else entry.count += sign;
  }

  delta(): Delta {
    const entries = [...this.counts.values()];
    const repeat = (sign: number) =>
      entries.flatMap(({ bytes, count }) => Array.from({ length: Math.max(0, count * sign) }, () => bytes));
    return { inserts: repeat(1), deletes: repeat(-1) };
  }
}
