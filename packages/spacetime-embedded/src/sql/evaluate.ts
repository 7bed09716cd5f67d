import type { EngineDatabase, Row } from '../engine/database.ts';
import type { Operator } from './ast.ts';
import type { BoundColumn, BoundComparison, BoundCondition, BoundConstant, BoundQuery } from './bound-query.ts';
import { bsatn, type Comparable, comparable, compare, mapKey } from './scalar.ts';

type Join = NonNullable<BoundQuery['join']>;

/** One row of each table of a query. */
export type Match = readonly Row[];

/** What evaluation reads. */
export type RowSource = Pick<EngineDatabase, 'rows' | 'rowsByColumn'>;

/** The committed matches of a query, as a bag. Event tables have none. */
export function* evaluate(source: RowSource, query: BoundQuery): Generator<Match> {
  const { join } = query;
  if (join === undefined) {
    for (const row of scan(source, query, 0)) if (holds(query.conditions, [row])) yield [row];
    return;
  }
  const outer = outerSide(query, join);
  const isIndexed = hasIndex(query, outer === 0 ? join.right : join.left);
  const found = isIndexed ? (row: Row) => partners(source, query, outer, row) : grouped(source, query, join, outer);
  for (const row of scan(source, query, outer)) {
    for (const other of found(row)) {
      const match = outer === 0 ? [row, other] : [other, row];
      if (holds(query.conditions, match)) yield match;
    }
  }
}

/** The other side is looked up: one with an index, and if both have one, the one that no equality narrows. */
function outerSide(query: BoundQuery, join: Join): 0 | 1 {
  const [left, right] = [hasIndex(query, join.left), hasIndex(query, join.right)];
  if (left !== right) return right ? 0 : 1;
  return !keyOf(query, 0) && keyOf(query, 1) ? 1 : 0;
}

function hasIndex({ tables }: BoundQuery, { table, column }: BoundColumn): boolean {
  const bound = tables[table];
  if (bound === undefined || bound.arg !== undefined) return false;
  return bound.table.indexes.some(({ columns }) => columns.length === 1 && columns[0] === column);
}

/** Finds partners where no index does, after one walk through the other table. */
function grouped(source: RowSource, query: BoundQuery, join: Join, outer: 0 | 1): (row: Row) => readonly Row[] {
  const [own, their] = outer === 0 ? [join.left, join.right] : [join.right, join.left];
  const bound = query.tables[their.table];
  const keyed = (row: Row, { column }: BoundColumn) => mapKey(comparable(row.values[column]));
  const rows = bound === undefined ? [] : [...source.rows(bound.table, bound.arg)];
  const groups = Map.groupBy(rows, (row) => keyed(row, their));
  return (row) => groups.get(keyed(row, own)) ?? [];
}

/** The committed rows of the other table that join with a row. */
export function* partners(source: RowSource, query: BoundQuery, side: number, row: Row): Generator<Row> {
  const { join } = query;
  const other = 1 - side;
  if (join === undefined) return;
  const own = side === 0 ? join.left : join.right;
  const their = side === 0 ? join.right : join.left;
  const type = query.tables[side]?.table.columns[own.column]?.type;
  const bound = query.tables[other];
  if (type === undefined || bound === undefined) return;
  const value = row.values[own.column];
  const indexed =
    bound.arg === undefined ? source.rowsByColumn(bound.table, their.column, bsatn(type, value)) : undefined;
  if (indexed !== undefined) {
    yield* indexed;
    return;
  }
  const wanted = comparable(value);
  for (const candidate of source.rows(bound.table, bound.arg)) {
    if (compare(comparable(candidate.values[their.column]), wanted) === 0) yield candidate;
  }
}

/** Whether two rows join. */
export function joins(query: BoundQuery, match: Match): boolean {
  const { join } = query;
  return join === undefined || compare(columnValue(join.left, match), columnValue(join.right, match)) === 0;
}

/** Whether all conditions hold for a match. Conditions on tables whose row is not given must not be among them. */
export function holds(conditions: readonly BoundCondition[], match: Match): boolean {
  return conditions.every((condition) => isTrue(condition, match));
}

/** The constant that a top-level conjunct requires a column of one table to equal, where the column has its own index. */
export function keyOf(
  query: BoundQuery,
  table: number,
): { readonly column: number; readonly constant: BoundConstant } | undefined {
  const indexes = query.tables[table]?.table.indexes ?? [];
  const found = equalities(query, table).find(({ left }) =>
    indexes.some(({ columns }) => columns.length === 1 && columns[0] === left.column),
  );
  return found && { column: found.left.column, constant: found.right };
}

/** The top-level conjuncts of the form column = constant on one table. */
export function equalities(
  query: BoundQuery,
  table: number,
): readonly (BoundComparison & { readonly right: BoundConstant })[] {
  return query.conditions.filter(
    (condition): condition is BoundComparison & { readonly right: BoundConstant } =>
      condition.kind === 'compare' &&
      condition.operator === '=' &&
      condition.left.table === table &&
      'value' in condition.right,
  );
}

function scan(source: RowSource, query: BoundQuery, table: number): Iterable<Row> {
  const bound = query.tables[table];
  if (bound === undefined) return [];
  const key = keyOf(query, table);
  const found =
    key !== undefined && bound.arg === undefined
      ? source.rowsByColumn(bound.table, key.column, key.constant.bytes)
      : undefined;
  return found ?? source.rows(bound.table, bound.arg);
}

function isTrue(condition: BoundCondition, match: Match): boolean {
  if (condition.kind !== 'compare') {
    return condition.kind === 'and'
      ? condition.parts.every((part) => isTrue(part, match))
      : condition.parts.some((part) => isTrue(part, match));
  }
  const { left, right } = condition;
  const other = 'value' in right ? right.value : columnValue(right, match);
  return outcome[condition.operator](compare(columnValue(left, match), other));
}

function columnValue({ table, column }: BoundColumn, match: Match): Comparable {
  return comparable(match[table]?.values[column]);
}

const outcome: Readonly<Record<Operator, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '>': (order) => order > 0,
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
};
