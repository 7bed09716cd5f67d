import type { DatabaseDefinition } from '../engine/database.ts';
import { isSystemTableName } from '../engine/system-table-names.ts';
import { HostError } from '../errors.ts';
import type { Select } from './ast.ts';
import { Binder } from './binder.ts';
import type { BoundCondition, BoundQuery, BoundTable, Viewer } from './bound-query.ts';
import { parseSelect } from './parser.ts';

type Join = NonNullable<BoundQuery['join']>;

/** A query that gives whole rows of one of its tables. */
export interface SubscriptionQuery extends BoundQuery {
  /** Which table's rows it gives. */
  readonly output: number;
}

/**
 * Compiles a text of the subscription grammar. `SELECT * FROM *` becomes one query for each table and view that the viewer
 * may read, event tables excepted. Row rules may make several queries of any other text too.
 *
 * @throws {HostError} the codes `sql_*`, `no_such_table` and `no_such_column`.
 */
export function compileSubscription(
  definition: DatabaseDefinition,
  viewer: Viewer,
  text: string,
): readonly SubscriptionQuery[] {
  const select = parseSelect(text);
  if (select.kind === 'everything') {
    const binder = new Binder(definition, viewer);
    return [...definition.tables.values()]
      .filter((table) => !table.isEvent && (table.isPublic || viewer.isOwner))
      .flatMap(({ name }) => binder.bind(wholeTable(name)).map((query) => ({ ...query, output: 0 })));
  }
  for (const { name } of [select.from, ...select.joins.map(({ table }) => table)]) refuseSystemTable(name);
  const queries = compile(definition, viewer, select, (binder) => binder.bind(select));
  for (const query of queries) if (query.join !== undefined) requireJoinable(query, query.join);
  return queries;
}

/**
 * Compiles a text that is answered once: as a subscription, but for `SELECT * FROM *`, which is none, and for joins, which
 * need no index, nor a condition, and may be of any number of tables.
 *
 * @throws as {@link compileSubscription}
 */
export function compileOneOff(
  definition: DatabaseDefinition,
  viewer: Viewer,
  text: string,
): readonly SubscriptionQuery[] {
  const select = parseSelect(text);
  if (select.kind === 'select') return compile(definition, viewer, select, (binder) => binder.bindAll(select));
  throw new HostError('sql_unsupported', 'SELECT * FROM * is for subscriptions; name one table.');
}

/** Nobody is told of the changes of system tables. */
function refuseSystemTable(name: string): void {
  if (!isSystemTableName(name)) return;
  const text = `The system table \`${name}\` cannot be subscribed to here: read it by a one-off query or over HTTP.`;
  throw new HostError('sql_unsupported', text);
}

function compile(
  definition: DatabaseDefinition,
  viewer: Viewer,
  select: Select,
  bound: (binder: Binder) => readonly BoundQuery[],
): readonly SubscriptionQuery[] {
  if (select.limit !== undefined) throw new HostError('sql_unsupported', 'LIMIT is not part of subscription queries.');
  const { projection, joins } = select;
  if (projection.kind !== 'rows') {
    throw new HostError('sql_unsupported', 'A subscription gives whole rows: SELECT * or SELECT t.*.');
  }
  if (joins.length > 0 && projection.of === undefined) {
    throw new HostError('sql_unsupported', 'SELECT * over a join is not supported in subscriptions; write SELECT t.*.');
  }
  return bound(new Binder(definition, viewer)).map((query) => {
    const output = projection.of === undefined ? 0 : query.tables.findIndex(({ alias }) => alias === projection.of);
    if (output === -1) throw new HostError('no_such_table', `\`${projection.of}\` is not in scope`);
    return { ...query, output };
  });
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

/**
 * Refuses the joins that upstream's planner finds no index for. It looks rows of one table up for each row of the other:
 * of the second table, or of the first when only the second is narrowed by a constant.
 */
function requireJoinable({ tables, conditions, output }: SubscriptionQuery, join: Join): void {
  const narrowed = tables.map(({ arg, hasRules }, index) => {
    return arg !== undefined || hasRules || conditions.some((condition) => isConstant(condition, index));
  });
  const looked = !narrowed[0] && narrowed[1] ? join.left : join.right;
  const bound = tables[looked.table];
  const fixed = new Set(conditions.flatMap((condition) => fixedColumn(condition, looked.table)));
  // What a rule of the second table becomes upstream is a join that no index serves.
  if (bound === undefined || tables[1]?.hasRules || !canLookUp(bound, looked.column, fixed)) {
    throw new HostError('sql_unsupported', 'Subscriptions require indexes on join columns');
  }
  if (bound.table.isEvent) {
    throw new HostError('sql_unsupported', 'Event tables cannot be used as the lookup table in subscription joins');
  }
  if (tables[1 - output]?.table.isEvent) {
    throw new HostError('sql_unsupported', 'A join with an event table gives the rows of that table.');
  }
}

/** Whether an index ends with a column, and all columns before it are fixed. */
function canLookUp({ table, arg }: BoundTable, column: number, fixed: ReadonlySet<number>): boolean {
  // Of a view only the primary key is indexed.
  const indexes = arg === undefined ? table.indexes.map(({ columns }) => columns) : [table.primaryKey];
  return indexes.some((columns) => columns.at(-1) === column && columns.slice(0, -1).every((one) => fixed.has(one)));
}

function isConstant(condition: BoundCondition, table: number): boolean {
  return condition.kind === 'compare' && condition.left.table === table && 'value' in condition.right;
}

function fixedColumn(condition: BoundCondition, table: number): readonly number[] {
  const isFixed = condition.kind === 'compare' && condition.operator === '=' && isConstant(condition, table);
  return isFixed ? [condition.left.column] : [];
}
