import type { EngineDatabase, TableDefinition } from '../engine/database.ts';
import type { BoundColumn, BoundCondition, BoundJoin, BoundQuery, BoundTable } from './bound-query.ts';

/** What says how many rows there are. */
export type CountSource = Pick<EngineDatabase, 'rowCount' | 'distinctKeys'>;

/** A part of a query: how many rows it gives, and how many are scanned for them. */
interface Estimate {
  readonly rows: bigint;
  readonly scanned: bigint;
}

/** One table of a query with the conditions on it alone, the first list being looked at first. */
interface Leaf {
  readonly index: number;
  readonly bound: BoundTable;
  readonly filters: readonly (readonly BoundCondition[])[];
}

/** Upstream makes no point scans of indexes over more columns. */
const mostIndexColumns = 3;

/**
 * How many rows upstream's planner expects a query to scan: what a limit of rows is compared with. A filter counts the
 * rows that it looks at once more, a range is no use of an index, and a point scan is expected to find the average.
 */
export function estimatedRows(source: CountSource, query: BoundQuery): bigint {
  const { tables, parts } = query;
  const leaves = tables.map((bound, index): Leaf => {
    const own = parts.rules[index] ?? [];
    const asked = tables.length === 1 ? parts.where : parts.where.filter((condition) => isConstant(condition, index));
    // What is asked of a table that is joined stands before its rule, in front of it otherwise.
    const filters =
      tables.length === 1 ? [own, asked] : [asked, own.filter((rule) => index === 0 || isConstant(rule, index))];
    return { index, bound, filters: filters.filter(({ length }) => length > 0) };
  });
  const [first, ...others] = leaves;
  if (first === undefined) return 0n;
  let plan: Estimate = scan(source, first);
  for (const [position, leaf] of others.entries()) {
    const on = parts.joins[position];
    const rule = parts.rules[leaf.index] ?? [];
    if (on === undefined || rule.length > 0) {
      plan = nested(plan, scan(source, leaf));
      if (rule.some((condition) => !isConstant(condition, leaf.index))) plan = filtered(plan);
      if (on !== undefined) plan = filtered(plan);
    } else {
      plan = joined(source, position === 0 ? first : undefined, plan, leaf, on);
    }
  }
  const isResidual = (condition: BoundCondition) => !tables.some((_, index) => isConstant(condition, index));
  if (others.length > 0 && parts.where.some(isResidual)) plan = filtered(plan);
  return plan.scanned;
}

function filtered({ rows, scanned }: Estimate): Estimate {
  return { rows, scanned: scanned + rows };
}

function nested(left: Estimate, right: Estimate): Estimate {
  const rows = left.rows * right.rows;
  return { rows, scanned: left.scanned + right.scanned + rows };
}

/** A table by itself: by an index that the conditions which are looked at first fix whole, or row by row. */
function scan(source: CountSource, { index, bound, filters }: Leaf): Estimate {
  const [inner = [], ...outer] = filters;
  const fixed = fixedColumns(inner, index);
  const used = longestIndex(bound.table, fixed);
  const rows = used === undefined ? countOf(source, bound) : perKey(source, bound, used);
  let plan: Estimate = { rows, scanned: rows };
  if (inner.length > (used?.length ?? 0)) plan = filtered(plan);
  for (const _ of outer) plan = filtered(plan);
  return plan;
}

/** Two sides of which columns must be equal. The left one is a single table, or what earlier tables have come to. */
function joined(source: CountSource, single: Leaf | undefined, left: Estimate, right: Leaf, on: BoundJoin): Estimate {
  // A table that nothing narrows is the one that is looked up.
  const isSwapped = single !== undefined && isBare(single) && !isBare(right);
  const [outer, inner] = isSwapped ? [scan(source, right), single] : [left, right];
  const { column } = on.left.table === inner.index ? on.left : on.right;
  const { bound, filters, index } = inner;
  const fixed = new Set(filters.flatMap((conditions) => [...fixedColumns(conditions, index)]));
  const looked = joinIndexes(bound).find(
    (columns) => columns.at(-1) === column && columns.slice(0, -1).every((one) => fixed.has(one)),
  );
  if (looked === undefined) {
    const found = scan(source, inner);
    if (!isUnique(bound.table, new Set([column, ...fixed]))) return nested(outer, found);
    return { rows: outer.rows, scanned: outer.scanned + found.scanned + outer.rows };
  }
  const each = isUnique(bound.table, new Set([column])) ? 1n : perKey(source, bound, looked);
  const rows = outer.rows * each;
  const plan = { rows, scanned: outer.scanned + rows };
  const isResidual = filters.flat().some((condition) => !isFixing(condition, index, looked));
  return isResidual ? filtered(plan) : plan;
}

function isBare({ bound, filters }: Leaf): boolean {
  return bound.arg === undefined && filters.length === 0;
}

/** The indexes by which rows are looked up for a join: of a view its primary key. */
function joinIndexes({ table, arg }: BoundTable): readonly (readonly number[])[] {
  return arg === undefined ? table.indexes.map(({ columns }) => columns) : [table.primaryKey];
}

function longestIndex(table: TableDefinition, fixed: ReadonlySet<number>): readonly number[] | undefined {
  return table.indexes
    .map(({ columns }) => columns)
    .filter((columns) => columns.length <= mostIndexColumns && columns.every((column) => fixed.has(column)))
    .reduce<readonly number[] | undefined>((best, one) => (one.length > (best?.length ?? 0) ? one : best), undefined);
}

function isUnique({ indexes }: TableDefinition, wanted: ReadonlySet<number>): boolean {
  return indexes.some(
    ({ unique, columns }) => unique && columns.length === wanted.size && columns.every((one) => wanted.has(one)),
  );
}

/** How many rows a value of an index has on the average, rounded down. */
function perKey(source: CountSource, bound: BoundTable, columns: readonly number[]): bigint {
  const count = countOf(source, bound);
  if (bound.arg !== undefined) return count > 0n ? 1n : 0n;
  const distinct = source.distinctKeys(bound.table, columns);
  if (distinct === undefined) return count;
  return distinct === 0 ? 0n : count / BigInt(distinct);
}

function countOf(source: CountSource, { table, arg }: BoundTable): bigint {
  return BigInt(source.rowCount(table, arg));
}

/** The columns of a table that conditions require to equal a constant. */
function fixedColumns(conditions: readonly BoundCondition[], table: number): ReadonlySet<number> {
  return new Set(conditions.flatMap((condition) => equality(condition, table)?.column ?? []));
}

function isFixing(condition: BoundCondition, table: number, columns: readonly number[]): boolean {
  const found = equality(condition, table);
  return found !== undefined && columns.slice(0, -1).includes(found.column);
}

function equality(condition: BoundCondition, table: number): BoundColumn | undefined {
  const is = condition.kind === 'compare' && condition.operator === '=' && isConstant(condition, table);
  return is ? condition.left : undefined;
}

/** Whether a condition compares a column of one table with a constant. */
function isConstant(condition: BoundCondition, table: number): boolean {
  return condition.kind === 'compare' && condition.left.table === table && 'value' in condition.right;
}
