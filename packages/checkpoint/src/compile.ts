import type { Database } from 'better-sqlite3';
import { type CompiledQuery, type RawBuilder, sql } from 'kysely';
import { CheckpointError } from './errors.ts';

// kysely checks tables, columns and types; better-sqlite3 runs what it compiled. Each statement is compiled and prepared
// once per store: going through the query builder for every row costs many times what the row costs.

/** A value given at every run, in the order in which the query names it. */
export function bound<T>(): RawBuilder<T> {
  return sql<T>`?`;
}

/** A query of kysely, ready to be compiled. */
export interface Compilable<Row> {
  compile(): CompiledQuery<Row>;
}

/** What is used of a prepared statement. */
export interface PreparedStatement<Params extends unknown[], Row> {
  run(...params: Params): { readonly changes: number; readonly lastInsertRowid: number | bigint };
  get(...params: Params): Row | undefined;
  all(...params: Params): Row[];
}

/** Prepares queries on a connection. `taking` says what each {@link bound} value is. */
export function preparer(sqlite: Database) {
  return <Row>(query: Compilable<Row>) => {
    const compiled = query.compile();
    // A value inside would have no place at a run: every value must be bound or a literal.
    if (compiled.parameters.length > 0) throw new CheckpointError('internal', 'A prepared query has a value inside.');
    return {
      taking: <Params extends unknown[]>(): PreparedStatement<Params, Row> =>
        sqlite.prepare<unknown[], Row>(compiled.sql),
    };
  };
}

/** A connection's {@link preparer}. */
export type Prepare = ReturnType<typeof preparer>;
