import { AlgebraicType, BinaryWriter, ConnectionId, Identity, type ProductType } from 'spacetimedb';
import type { EngineDatabase, Row, TableDefinition } from '../engine/database.ts';
import { tableNamed } from './binder.ts';
import type { Viewer } from './bound-query.ts';
import { parseSelect } from './parser.ts';
import { bsatn } from './scalar.ts';
import type { StatementSource } from './statement-source.ts';

type Columns = readonly (readonly [name: string, type: AlgebraicType])[];

const product = (...columns: Columns) =>
  AlgebraicType.Product({ elements: columns.map(([name, algebraicType]) => ({ name, algebraicType })) });
const sum = (...variants: Columns) =>
  AlgebraicType.Sum({ variants: variants.map(([name, algebraicType]) => ({ name, algebraicType })) });
const option = (some: AlgebraicType) => sum(['some', some], ['none', product()]);
const columnList = AlgebraicType.Array(AlgebraicType.U16);
const indexAlgorithm = sum(
  ['Unused', AlgebraicType.U128],
  ['BTree', product(['columns', columnList])],
  ['Direct', product(['column', AlgebraicType.U16])],
  ['Hash', product(['columns', columnList])],
);

const tablesOf = ({ definition }: EngineDatabase) =>
  [...definition.tables.values()].filter(({ kind }) => kind === 'table');

/** System tables by name: their columns, and what is in them. They are read only, and for the owner alone. */
const systemTables: Readonly<Record<string, readonly [Columns, (engine: EngineDatabase) => unknown[][]]>> = {
  st_table: [
    [
      ['table_id', AlgebraicType.U32],
      ['table_name', AlgebraicType.String],
      ['table_type', AlgebraicType.String],
      ['table_access', AlgebraicType.String],
      ['table_primary_key', option(columnList)],
    ],
    (engine) =>
      tablesOf(engine).map(({ id, name, isPublic, primaryKey }) => {
        const key = primaryKey.length === 0 ? undefined : primaryKey;
        return [id, name, 'user', isPublic ? 'public' : 'private', key];
      }),
  ],
  st_index: [
    [
      ['index_id', AlgebraicType.U32],
      ['table_id', AlgebraicType.U32],
      ['index_name', AlgebraicType.String],
      ['index_algorithm', indexAlgorithm],
    ],
    (engine) =>
      tablesOf(engine)
        .flatMap(({ id, indexes }) => indexes.map((index) => ({ ...index, table: id })))
        .map(({ table, name, columns, algorithm }, position) => [
          position + 1,
          table,
          name,
          algorithm === 'direct'
            ? { tag: 'Direct', value: { column: columns[0] } }
            : { tag: algorithm === 'hash' ? 'Hash' : 'BTree', value: { columns } },
        ]),
  ],
  st_event_table: [
    [['table_id', AlgebraicType.U32]],
    (engine) =>
      tablesOf(engine)
        .filter(({ isEvent }) => isEvent)
        .map(({ id }) => [id]),
  ],
  st_row_level_security: [
    [
      ['table_id', AlgebraicType.U32],
      ['sql', AlgebraicType.String],
    ],
    ({ definition }) =>
      definition.rowLevelSecurity.flatMap((sql) => {
        const rule = parseSelect(sql);
        const table = rule.kind === 'select' ? tableNamed(definition, rule.from.name) : undefined;
        return table === undefined ? [] : [[table.id, sql]];
      }),
  ],
  st_column: [
    [
      ['table_id', AlgebraicType.U32],
      ['col_pos', AlgebraicType.U16],
      ['col_name', AlgebraicType.String],
      ['col_type', AlgebraicType.Array(AlgebraicType.U8)],
    ],
    (engine) =>
      tablesOf(engine).flatMap(({ id, columns }) =>
        columns.map(({ name, type }, position) => [id, position, name, typeBytes(type)]),
      ),
  ],
  st_client: [
    [
      ['identity', product(['__identity__', AlgebraicType.U256])],
      ['connection_id', product(['__connection_id__', AlgebraicType.U128])],
    ],
    (engine) =>
      engine
        .connections()
        .map(({ identity, connectionId }) => [
          new Identity(BigInt(`0x${identity}`)),
          new ConnectionId(BigInt(`0x${connectionId}`)),
        ]),
  ],
};

/** A database with the system tables beside its own, for its owner. */
export function withSystemTables(engine: EngineDatabase, { isOwner }: Viewer): StatementSource {
  if (!isOwner) return engine;
  const known = new Map<TableDefinition, string>();
  const tables = new Map(engine.definition.tables);
  for (const [name, [columns]] of Object.entries(systemTables)) {
    const definition = systemTable(name, columns);
    known.set(definition, name);
    if (!tables.has(name)) tables.set(name, definition);
  }
  return {
    definition: { ...engine.definition, tables },
    rows: (table, arg) => {
      const system = systemTables[known.get(table) ?? ''];
      return system === undefined ? engine.rows(table, arg) : system[1](engine).map((values) => rowOf(table, values));
    },
    rowsByColumn: (table, column, key) => (known.has(table) ? undefined : engine.rowsByColumn(table, column, key)),
    holdView: (view, arg) => engine.holdView(view, arg),
    write: (table, inserts, deletes) =>
      known.has(table) ? 'System tables are not changed by SQL.' : engine.write(table, inserts, deletes),
  };
}

function systemTable(name: string, columns: Columns): TableDefinition {
  const rowType: ProductType = {
    elements: columns.map(([column, algebraicType]) => ({ name: column, algebraicType })),
  };
  return {
    kind: 'table',
    id: 0,
    name,
    accessor: name,
    isPublic: true,
    isEvent: false,
    isAnonymous: false,
    columns: columns.map(([column, type]) => ({ name: column, accessor: column, type })),
    rowType,
    primaryKey: [],
    indexes: [],
  };
}

function rowOf({ columns }: TableDefinition, values: readonly unknown[]): Row {
  const bytes = Buffer.concat(columns.map(({ type }, position) => Uint8Array.from(bsatn(type, values[position]))));
  return { bytes, values };
}

function typeBytes(type: AlgebraicType): Uint8Array {
  const writer = new BinaryWriter(64);
  AlgebraicType.serializeValue(writer, AlgebraicType as never, type);
  return Uint8Array.from(writer.getBuffer());
}
