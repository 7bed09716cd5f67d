import type { DatabaseDefinition, TableDefinition } from '../engine/database.ts';
import { HostError } from '../errors.ts';
import { Binder } from './binder.ts';
import type { BoundQuery, Viewer } from './bound-query.ts';
import { parseSelect } from './parser.ts';

/** A query that gives whole rows of one of its tables. */
export interface SubscriptionQuery extends BoundQuery {
  /** Which table's rows it gives. */
  readonly output: number;
}

/**
 * Compiles a text of the subscription grammar. `SELECT * FROM *` becomes one query for each table that the viewer may
 * read, event tables and views excepted.
 *
 * @throws {HostError} the codes `sql_*`, `no_such_table` and `no_such_column`.
 */
export function compileSubscription(
  definition: DatabaseDefinition,
  viewer: Viewer,
  text: string,
): readonly SubscriptionQuery[] {
  const select = parseSelect(text);
  const binder = new Binder(definition, viewer);
  if (select.kind === 'everything') {
    return [...definition.tables.values()]
      .filter((table) => table.kind === 'table' && !table.isEvent && (table.isPublic || viewer.isOwner))
      .map(({ name }) => ({ ...binder.bind(wholeTable(name)), output: 0 }));
  }
  if (select.limit !== undefined) throw new HostError('sql_unsupported', 'LIMIT is not part of subscription queries.');
  const { projection } = select;
  if (projection.kind !== 'rows') {
    throw new HostError('sql_unsupported', 'A subscription gives whole rows: SELECT * or SELECT t.*.');
  }
  const query = binder.bind(select);
  const output = projection.of === undefined ? 0 : query.tables.findIndex((table) => table.alias === projection.of);
  if (output === -1) throw new HostError('no_such_table', `\`${projection.of}\` is not in scope`);
  if (query.tables.length > 1) {
    if (projection.of === undefined) {
      throw new HostError(
        'sql_unsupported',
        'SELECT * over a join is not supported in subscriptions; write SELECT t.*.',
      );
    }
    requireJoinable(query, output);
  }
  return [{ ...query, output }];
}

function wholeTable(name: string): Parameters<Binder['bind']>[0] {
  return {
    kind: 'select',
    projection: { kind: 'rows', of: undefined },
    from: { name, alias: name },
    joins: [],
    where: undefined,
    limit: undefined,
  };
}

function requireJoinable(query: BoundQuery, output: number): void {
  const sides = query.join === undefined ? [] : [query.join.left, query.join.right];
  for (const { table, column } of sides) {
    const bound = query.tables[table];
    if (bound === undefined || hasIndexOn(bound.table, column)) continue;
    throw new HostError('sql_unsupported', 'Subscriptions require indexes on join columns');
  }
  if (query.tables[1]?.table.isEvent || (query.tables[0]?.table.isEvent && output === 1)) {
    throw new HostError('sql_unsupported', 'An event table must be the left side of a join, and the one it selects.');
  }
}

function hasIndexOn(table: TableDefinition, column: number): boolean {
  return table.indexes.some(({ columns }) => columns.length === 1 && columns[0] === column);
}
