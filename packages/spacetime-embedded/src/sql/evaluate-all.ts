import type { Row } from '../engine/database.ts';
import type { BoundColumn, BoundCondition, BoundQuery } from './bound-query.ts';
import { evaluate, holds, type Match, type RowSource } from './evaluate.ts';
import { bsatn } from './scalar.ts';

/** The committed matches of a query, over one table, two that columns join, or any number of others. */
export function matchesOf(source: RowSource, query: BoundQuery): Generator<Match> {
  // Two tables that columns join are read by what the planner of subscriptions knows; all others one after the other.
  return query.tables.length === 1 || query.join !== undefined ? evaluate(source, query) : evaluateAll(source, query);
}

/** The committed matches of a query over any number of tables, what joins them being among its conditions. */
function* evaluateAll(source: RowSource, query: BoundQuery): Generator<Match> {
  // A condition is looked at as soon as all of its tables have a row.
  const due = query.tables.map((_, last) => query.conditions.filter((condition) => lastTable(condition) === last));
  yield* from([], due);

  function* from(match: Match, conditions: readonly (readonly BoundCondition[])[]): Generator<Match> {
    const [here, ...rest] = conditions;
    if (here === undefined) {
      yield match;
      return;
    }
    for (const row of candidates(match, here)) {
      const longer = [...match, row];
      if (holds(here, longer)) yield* from(longer, rest);
    }
  }

  function candidates(match: Match, conditions: readonly BoundCondition[]): Iterable<Row> {
    const bound = query.tables[match.length];
    if (bound === undefined) return [];
    if (bound.arg !== undefined) return source.rows(bound.table, bound.arg);
    for (const condition of conditions) {
      if (condition.kind !== 'compare' || condition.operator !== '=') continue;
      const [own, key] = keyed(condition.left, condition.right, match);
      const found = own && key && source.rowsByColumn(bound.table, own.column, key);
      if (found !== undefined) return found;
    }
    return source.rows(bound.table, bound.arg);
  }

  /** The column of the next table in an equality, and the bytes that it must have. */
  function keyed(
    left: BoundColumn,
    right: BoundColumn | { readonly bytes: Uint8Array },
    match: Match,
  ): readonly [] | readonly [BoundColumn, Uint8Array] {
    if ('bytes' in right) return left.table === match.length ? [left, right.bytes] : [];
    const [own, other] = left.table === match.length ? [left, right] : [right, left];
    if (own.table !== match.length || other.table >= match.length) return [];
    const type = query.tables[other.table]?.table.columns[other.column]?.type;
    return type === undefined ? [] : [own, bsatn(type, match[other.table]?.values[other.column])];
  }
}

function lastTable(condition: BoundCondition): number {
  if (condition.kind !== 'compare') return Math.max(...condition.parts.map(lastTable));
  return 'table' in condition.right ? Math.max(condition.left.table, condition.right.table) : condition.left.table;
}
