import type { EngineDatabase, Row, TableDefinition } from '../engine/database.ts';
import type { SystemTableName } from '../engine/system-table-names.ts';
import { bsatn } from './scalar.ts';
import type { StatementSource } from './statement-source.ts';
import { systemRows } from './system-rows.ts';
import { systemTables } from './system-schema.ts';

type Computed = Exclude<SystemTableName, 'st_var'>;

/**
 * A database with the system tables beside its own. As upstream, everybody reads them, but for the credentials of
 * connections, which are the owner's. What is in them is computed when it is read; only `st_var` is changed by SQL.
 */
export function withSystemTables(engine: EngineDatabase): StatementSource {
  const { variables, definition } = engine;
  const system = systemTables(variables);
  const known = new Map(
    system.flatMap((table): [TableDefinition, Computed][] =>
      table === variables ? [] : [[table, table.name as Computed]],
    ),
  );
  const read = new Map<TableDefinition, readonly Row[]>();
  const rowsOf = (table: TableDefinition, name: Computed): readonly Row[] => {
    const rows = read.get(table) ?? systemRows[name](engine).map((values) => rowOf(table, values));
    read.set(table, rows);
    return rows;
  };
  return {
    definition: {
      ...definition,
      tables: new Map([...definition.tables, ...system.map((table) => [table.name, table] as const)]),
    },
    variables,
    rows: (table, arg) => {
      const name = known.get(table);
      return name === undefined ? engine.rows(table, arg) : rowsOf(table, name);
    },
    rowCount: (table, arg) => {
      const name = known.get(table);
      return name === undefined ? engine.rowCount(table, arg) : rowsOf(table, name).length;
    },
    distinctKeys: (table, columns) => {
      const name = known.get(table);
      return name === undefined ? engine.distinctKeys(table, columns) : distinct(table, columns, rowsOf(table, name));
    },
    rowsByColumn: (table, column, key) => (known.has(table) ? undefined : engine.rowsByColumn(table, column, key)),
    holdView: (view, arg) => engine.holdView(view, arg),
    write: (table, inserts, deletes) =>
      known.has(table) ? 'Of the system tables SQL changes st_var alone.' : engine.write(table, inserts, deletes),
  };
}

function rowOf({ columns }: TableDefinition, values: readonly unknown[]): Row {
  const bytes = Buffer.concat(columns.map(({ type }, position) => Uint8Array.from(bsatn(type, values[position]))));
  return { bytes, values };
}

function distinct({ columns }: TableDefinition, positions: readonly number[], rows: readonly Row[]): number {
  const keyOf = ({ values }: Row) =>
    positions.map((position) => {
      const type = columns[position]?.type;
      return type === undefined ? '' : Buffer.from(bsatn(type, values[position])).toString('hex');
    });
  return new Set(rows.map((row) => keyOf(row).join())).size;
}
