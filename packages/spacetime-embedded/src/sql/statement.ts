import { AlgebraicType, type ProductType } from 'spacetimedb';
import { HostError } from '../errors.ts';
import type { ColumnName, Select } from './ast.ts';
import { Binder } from './binder.ts';
import type { BoundQuery, Viewer } from './bound-query.ts';
import { type ChangeCounts, changeRows } from './change-rows.ts';
import type { Match } from './evaluate.ts';
import { matchesOf } from './evaluate-all.ts';
import { parseStatement } from './parser.ts';
import { requireRowLimit } from './row-limit.ts';
import type { StatementSource } from './statement-source.ts';
import { setVariable, showVariable } from './system-variables.ts';

/** The answer to a statement: decoded column values by the schema's element order. */
export interface StatementResult {
  readonly schema: ProductType;
  readonly rows: readonly (readonly unknown[])[];
  readonly changed: ChangeCounts;
}

/**
 * Runs one statement of the HTTP grammar.
 *
 * @throws {HostError} the codes `sql_*`, `no_such_table` and `no_such_column`.
 */
export function runStatement(source: StatementSource, viewer: Viewer, text: string): StatementResult {
  const statement = parseStatement(text);
  switch (statement.kind) {
    case 'insert':
    case 'update':
    case 'delete':
      return { schema: { elements: [] }, rows: [], changed: changeRows(source, viewer, statement) };
    case 'set': {
      const inserted = setVariable(source, viewer, statement);
      return { schema: { elements: [] }, rows: [], changed: { inserted, deleted: 0, updated: 0 } };
    }
    case 'show':
      return runSelect(source, viewer, showVariable(statement));
    case 'everything':
      throw new HostError('sql_unsupported', 'SELECT * FROM * is for subscriptions; name one table.');
    case 'select':
      return runSelect(source, viewer, statement);
  }
}

function runSelect(source: StatementSource, viewer: Viewer, select: Select): StatementResult {
  const changed = { inserted: 0, deleted: 0, updated: 0 };
  const binder = new Binder(source.definition, viewer);
  const queries = binder.bindAll(select);
  const tables = queries[0]?.tables ?? [];
  const releases = tables.flatMap(({ table, arg }) => (arg === undefined ? [] : [source.holdView(table, arg)]));
  try {
    requireRowLimit(source, viewer, queries);
    const { projection, limit = Number.POSITIVE_INFINITY } = select;
    if (projection.kind === 'count') {
      // LIMIT applies to the rows of the answer, and a count has one.
      let count = 0n;
      for (const _ of allMatches(source, queries)) count += 1n;
      return { schema: product([[projection.as, AlgebraicType.U64]]), rows: limit === 0 ? [] : [[count]], changed };
    }
    if (projection.kind === 'rows' && projection.of === undefined && tables.length > 1) {
      throw new HostError('sql_unsupported', 'SELECT * over a join is refused: write t.*, or columns.');
    }
    if (projection.kind === 'columns') requireDistinct(projection.columns);
    const columns =
      projection.kind === 'rows'
        ? tables.flatMap(({ table, alias }, index) =>
            projection.of === undefined || projection.of === alias
              ? table.columns.map((definition, column) => ({ table: index, column, definition, as: undefined }))
              : [],
          )
        : projection.columns.map((column) => ({ ...binder.column(column), as: column.as }));
    if (columns.length === 0 && projection.kind === 'rows' && projection.of !== undefined) {
      throw new HostError('no_such_table', `\`${projection.of}\` is not in scope`);
    }
    const rows: (readonly unknown[])[] = [];
    for (const match of limit > 0 ? allMatches(source, queries) : []) {
      rows.push(columns.map(({ table, column }) => match[table]?.values[column]));
      if (rows.length >= limit) break;
    }
    return {
      schema: product(columns.map(({ as, definition }) => [as ?? definition.name, definition.type])),
      rows,
      changed,
    };
  } finally {
    for (const release of releases) release();
  }
}

function requireDistinct(columns: readonly (ColumnName & { readonly as: string | undefined })[]): void {
  const names = columns.map(({ as, column }) => as ?? column);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new HostError('sql_syntax', `Two columns of the answer are called ${twice}.`);
}

function* allMatches(source: StatementSource, queries: readonly BoundQuery[]): Generator<Match> {
  for (const query of queries) yield* matchesOf(source, query);
}

function product(elements: readonly (readonly [name: string, type: AlgebraicType])[]): ProductType {
  return { elements: elements.map(([name, algebraicType]) => ({ name, algebraicType })) };
}
