import { AlgebraicType, BinaryWriter, ConnectionId, Identity, type ProductType } from 'spacetimedb';
import type { EngineDatabase, Row, TableDefinition } from '../engine/database.ts';
import type { Viewer } from './bound-query.ts';
import { bsatn } from './scalar.ts';
import type { StatementSource } from './statement-source.ts';

type Columns = readonly (readonly [name: string, type: AlgebraicType])[];

const wrapped = (name: string, algebraicType: AlgebraicType) =>
  AlgebraicType.Product({ elements: [{ name, algebraicType }] });

/** System tables by name: their columns, and what is in them. They are read only, and for the owner alone. */
const systemTables: Readonly<Record<string, readonly [Columns, (engine: EngineDatabase) => unknown[][]]>> = {
  st_table: [
    [
      ['table_id', AlgebraicType.U32],
      ['table_name', AlgebraicType.String],
      ['table_type', AlgebraicType.String],
      ['table_access', AlgebraicType.String],
    ],
    ({ definition }) =>
      [...definition.tables.values()]
        .filter(({ kind }) => kind === 'table')
        .map(({ id, name, isPublic }) => [id, name, 'user', isPublic ? 'public' : 'private']),
  ],
  st_column: [
    [
      ['table_id', AlgebraicType.U32],
      ['col_pos', AlgebraicType.U16],
      ['col_name', AlgebraicType.String],
      ['col_type', AlgebraicType.Array(AlgebraicType.U8)],
    ],
    ({ definition }) =>
      [...definition.tables.values()]
        .filter(({ kind }) => kind === 'table')
        .flatMap(({ id, columns }) => columns.map(({ name, type }, position) => [id, position, name, typeBytes(type)])),
  ],
  st_client: [
    [
      ['identity', wrapped('__identity__', AlgebraicType.U256)],
      ['connection_id', wrapped('__connection_id__', AlgebraicType.U128)],
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
