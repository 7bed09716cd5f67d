import type { Row, TableDefinition } from '../engine/database.ts';
import { HostError } from '../errors.ts';
import type { Change, Insert, Update } from './ast.ts';
import { Binder } from './binder.ts';
import type { Viewer } from './bound-query.ts';
import { evaluate } from './evaluate.ts';
import { bsatn } from './scalar.ts';
import type { StatementSource } from './statement-source.ts';

/** How many rows a statement has changed. */
export interface ChangeCounts {
  readonly inserted: number;
  readonly deleted: number;
  readonly updated: number;
}

/**
 * Runs a statement that changes rows, in one transaction. It is the owner's.
 *
 * @throws {HostError} the codes `sql_*`, `no_such_table` and `no_such_column`.
 */
export function changeRows(source: StatementSource, viewer: Viewer, change: Change): ChangeCounts {
  if (!viewer.isOwner) {
    throw new HostError('sql_unsupported', 'Only the owner of a database changes rows by SQL.');
  }
  const binder = new Binder(source.definition, viewer);
  const where = change.kind === 'insert' ? undefined : change.where;
  // The owner's, whom no rule concerns: it is one query.
  const [query] = binder.bind({
    kind: 'select',
    projection: { kind: 'rows', of: undefined },
    from: { name: change.table, alias: change.table },
    joins: [],
    where,
    limit: undefined,
  });
  const table = query?.tables[0]?.table;
  if (query === undefined || table === undefined || table.kind === 'view') {
    throw new HostError('sql_unsupported', `\`${change.table}\` is a view: its rows are not changed by SQL.`);
  }
  if (change.kind === 'insert') {
    const inserts = insertedRows(binder, table, change);
    write(source, table, inserts, []);
    return { inserted: inserts.length, deleted: 0, updated: 0 };
  }
  const rows = [...evaluate(source, query)].flatMap(([row]) => (row === undefined ? [] : [row]));
  if (change.kind === 'delete') {
    write(source, table, [], rows);
    return { inserted: 0, deleted: rows.length, updated: 0 };
  }
  write(source, table, updatedRows(binder, table, change, rows), rows);
  return { inserted: 0, deleted: 0, updated: rows.length };
}

function insertedRows(binder: Binder, table: TableDefinition, { columns, rows }: Insert): readonly Uint8Array[] {
  const positions = columns.map((column) => binder.column({ table: undefined, column }).column);
  // Upstream goes by the place of a value and not by the name before it: elsewhere it would land in another column.
  if (positions.length !== table.columns.length || positions.some((position, index) => position !== index)) {
    const text = `INSERT names all ${table.columns.length} columns in the order of the table.`;
    throw new HostError('sql_unsupported', text);
  }
  return rows.map((values) => {
    if (values.length !== columns.length) {
      throw new HostError('sql_syntax', `${columns.length} columns are named, and ${values.length} values given.`);
    }
    return encoded(table, (column, position) => {
      const value = values[position];
      return value === undefined ? undefined : binder.value(column, value);
    });
  });
}

function updatedRows(
  binder: Binder,
  table: TableDefinition,
  { set }: Update,
  rows: readonly Row[],
): readonly Uint8Array[] {
  const values = new Map(
    set.map(({ column, value }) => {
      const found = binder.column({ table: undefined, column });
      return [found.column, binder.value(found.definition, value)];
    }),
  );
  return rows.map((row) =>
    encoded(table, (_, position) => (values.has(position) ? values.get(position) : row.values[position])),
  );
}

type Columns = TableDefinition['columns'];

function encoded(
  { columns }: TableDefinition,
  cellOf: (column: Columns[number], position: number) => unknown,
): Uint8Array {
  return Buffer.concat(
    columns.map((column, position) => Uint8Array.from(bsatn(column.type, cellOf(column, position)))),
  );
}

function write(
  source: StatementSource,
  table: TableDefinition,
  inserts: readonly Uint8Array[],
  deletes: readonly Row[],
): void {
  const refusal = source.write(table, inserts, deletes);
  if (refusal !== undefined) throw new HostError('sql_conflict', refusal);
}
