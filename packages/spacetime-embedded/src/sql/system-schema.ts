import { AlgebraicType } from 'spacetimedb';
import type { TableDefinition } from '../engine/database.ts';
import { type SystemTableName, systemTableNames } from '../engine/system-table-names.ts';

type Columns = readonly (readonly [name: string, type: AlgebraicType])[];

const { Bool, I64, I128, String: Text, U8, U16, U32, U64, U128, U256 } = AlgebraicType;
const product = (...columns: Columns) =>
  AlgebraicType.Product({ elements: columns.map(([name, algebraicType]) => ({ name, algebraicType })) });
const sum = (...variants: Columns) =>
  AlgebraicType.Sum({ variants: variants.map(([name, algebraicType]) => ({ name, algebraicType })) });
const option = (some: AlgebraicType) => sum(['some', some], ['none', product()]);
const bytes = AlgebraicType.Array(U8);
const columnList = AlgebraicType.Array(U16);
const indexAlgorithm = sum(
  ['Unused', U128],
  ['BTree', product(['columns', columnList])],
  ['Direct', product(['column', U16])],
  ['Hash', product(['columns', columnList])],
);
const constraintData = sum(['Unused', U128], ['Unique', product(['columns', columnList])]);

/** The columns of a system table, without those of `st_var`, which the database knows by itself. */
const columnsOf: Readonly<Record<Exclude<SystemTableName, 'st_var'>, Columns>> = {
  st_table: [
    ['table_id', U32],
    ['table_name', Text],
    ['table_type', Text],
    ['table_access', Text],
    ['table_primary_key', option(columnList)],
  ],
  st_column: [
    ['table_id', U32],
    ['col_pos', U16],
    ['col_name', Text],
    ['col_type', bytes],
  ],
  st_sequence: [
    ['sequence_id', U32],
    ['sequence_name', Text],
    ['table_id', U32],
    ['col_pos', U16],
    ['increment', I128],
    ['start', I128],
    ['min_value', I128],
    ['max_value', I128],
    ['allocated', I128],
  ],
  st_index: [
    ['index_id', U32],
    ['table_id', U32],
    ['index_name', Text],
    ['index_algorithm', indexAlgorithm],
  ],
  st_constraint: [
    ['constraint_id', U32],
    ['constraint_name', Text],
    ['table_id', U32],
    ['constraint_data', constraintData],
  ],
  st_module: [
    ['database_identity', U256],
    ['owner_identity', U256],
    ['program_kind', U8],
    ['program_hash', U256],
    ['program_bytes', bytes],
    ['module_version', Text],
  ],
  st_client: [
    ['identity', U256],
    ['connection_id', U128],
  ],
  st_scheduled: [
    ['schedule_id', U32],
    ['table_id', U32],
    ['reducer_name', Text],
    ['schedule_name', Text],
    ['at_column', U16],
  ],
  st_row_level_security: [
    ['table_id', U32],
    ['sql', Text],
  ],
  st_connection_credentials: [
    ['connection_id', U128],
    ['jwt_payload', Text],
  ],
  st_view: [
    ['view_id', U32],
    ['view_name', Text],
    ['table_id', option(U32)],
    ['is_public', Bool],
    ['is_anonymous', Bool],
  ],
  st_view_param: [
    ['view_id', U32],
    ['param_pos', U16],
    ['param_name', Text],
    ['param_type', bytes],
  ],
  st_view_column: [
    ['view_id', U32],
    ['col_pos', U16],
    ['col_name', Text],
    ['col_type', bytes],
  ],
  st_view_sub: [
    ['view_id', U32],
    ['arg_id', U64],
    ['identity', U256],
    ['num_subscribers', U64],
    ['has_subscribers', Bool],
    ['last_called', I64],
  ],
  st_view_arg: [
    ['id', U64],
    ['bytes', bytes],
  ],
  st_event_table: [['table_id', U32]],
  st_table_accessor: [
    ['table_name', Text],
    ['accessor_name', Text],
  ],
  st_index_accessor: [
    ['index_name', Text],
    ['accessor_name', Text],
  ],
  st_column_accessor: [
    ['table_name', Text],
    ['col_name', Text],
    ['accessor_name', Text],
  ],
};

const primaryKeys: Readonly<Partial<Record<SystemTableName, number>>> = {
  st_table: 0,
  st_sequence: 0,
  st_index: 0,
  st_constraint: 0,
  st_scheduled: 0,
  st_row_level_security: 1,
  st_connection_credentials: 0,
  st_view: 0,
  st_view_arg: 0,
  st_event_table: 0,
};

/** The indexes of the system tables in the order of their ids, which begin with 1. */
export const systemIndexes: readonly (readonly [
  table: SystemTableName,
  columns: readonly number[],
  isUnique: boolean,
])[] = [
  ['st_table', [0], true],
  ['st_table', [1], true],
  ['st_column', [0, 1], true],
  ['st_sequence', [0], true],
  ['st_index', [0], true],
  ['st_constraint', [0], true],
  ['st_client', [0, 1], true],
  ['st_var', [0], true],
  ['st_scheduled', [0], true],
  ['st_scheduled', [1], true],
  ['st_row_level_security', [0], false],
  ['st_row_level_security', [1], true],
  ['st_connection_credentials', [0], true],
  ['st_view', [0], true],
  ['st_view', [1], true],
  ['st_view_param', [0, 1], true],
  ['st_view_column', [0, 1], true],
  ['st_view_sub', [2], false],
  ['st_view_sub', [4], false],
  ['st_view_sub', [0, 1, 2], false],
  ['st_view_arg', [0], true],
  ['st_view_arg', [1], true],
  ['st_event_table', [0], true],
  ['st_table_accessor', [0], true],
  ['st_table_accessor', [1], true],
  ['st_index_accessor', [0], true],
  ['st_index_accessor', [1], true],
  ['st_column_accessor', [0, 1], true],
  ['st_column_accessor', [0, 2], true],
];

/** The system tables of a database in the order of their ids. Only the credentials of connections are private. */
export function systemTables(variables: TableDefinition): readonly TableDefinition[] {
  return systemTableNames.map((name) => (name === 'st_var' ? variables : definitions[name]));
}

const definitions = Object.fromEntries(
  Object.entries(columnsOf).map(([name, columns]) => [name, definitionOf(name, columns)]),
) as Readonly<Record<Exclude<SystemTableName, 'st_var'>, TableDefinition>>;

function definitionOf(name: string, columns: Columns): TableDefinition {
  const key = primaryKeys[name as SystemTableName];
  return {
    kind: 'table',
    id: 0,
    name,
    accessor: name,
    isPublic: name !== 'st_connection_credentials',
    isEvent: false,
    isAnonymous: false,
    columns: columns.map(([column, type]) => ({ name: column, accessor: column, type })),
    rowType: { elements: columns.map(([column, algebraicType]) => ({ name: column, algebraicType })) },
    primaryKey: key === undefined ? [] : [key],
    indexes: systemIndexes
      .filter(([table]) => table === name)
      .map(([, positions, unique]) => ({
        name: `${name}_${positions.map((position) => columns[position]?.[0]).join('_')}_idx_btree`,
        columns: positions,
        unique,
        algorithm: 'btree',
      })),
  };
}
