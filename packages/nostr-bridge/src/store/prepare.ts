import type { Database, RunResult } from 'better-sqlite3';
import { type CompiledQuery, type RawBuilder, sql } from 'kysely';

/** A statement that is prepared once and run often. The types of better-sqlite3 cannot be named by what exports it. */
export interface Prepared<Params extends unknown[], Row> {
  run(...values: Params): RunResult;
  get(...values: Params): Row | undefined;
  all(...values: Params): Row[];
}

/** Stands in a query for a value that is given at every run. */
export type Place = <T>() => RawBuilder<T>;

const place: Place = <T>() => sql<T>`?`;

/**
 * Lets kysely check a query and better-sqlite3 run it: compiled and prepared once, run synchronously. Values are given in
 * the order of their places.
 */
export function prepare<Params extends unknown[], Row = unknown>(
  sqlite: Database,
  query: (place: Place) => { compile(): CompiledQuery<Row> },
): Prepared<Params, Row> {
  const { sql: text, parameters } = query(place).compile();
  // A value inside the query would take one of the places.
  if (parameters.length > 0) throw new TypeError(`A prepared query has a value inside: ${text}`);
  return sqlite.prepare<Params, Row>(text);
}
