import { AlgebraicType } from 'spacetimedb';
import type { ColumnDefinition, EngineDatabase, IndexDefinition, TableDefinition } from '../engine/database.ts';
import { snakeCase } from '../engine/names.ts';
import { decodeRawModule, type RawModule } from '../engine/raw-module.ts';
import { sequenceRange } from '../engine/sequences.ts';
import type { SystemTableName } from '../engine/system-table-names.ts';
import { typeBytes } from '../engine/type-bytes.ts';
import { tableNamed } from './binder.ts';
import { parseSelect } from './parser.ts';
import { systemIndexes, systemTables } from './system-schema.ts';

/** Ids up to here are those of system tables and what belongs to them. */
const reservedIds = 4096;
const moduleKindJs = 1;
/** Upstream knows no other. */
const moduleVersion = '0.0.1';

type Values = readonly unknown[];

/** A table as the system tables tell of it: a view has its hidden first column, as upstream keeps it. */
interface Listed {
  readonly id: number;
  readonly definition: TableDefinition;
  readonly isSystem: boolean;
  readonly columns: readonly Pick<ColumnDefinition, 'name' | 'type'>[];
  readonly indexes: readonly (IndexDefinition & { readonly id: number })[];
}

/** What is in each system table, but for `st_var`, whose rows the database keeps. */
export const systemRows: Readonly<Record<Exclude<SystemTableName, 'st_var'>, (engine: EngineDatabase) => Values[]>> = {
  st_table: (engine) =>
    listed(engine).map(({ id, definition, isSystem }) => {
      const { name, isPublic, kind, primaryKey } = definition;
      const key = kind === 'view' || primaryKey.length === 0 ? undefined : primaryKey;
      return [id, name, isSystem ? 'system' : 'user', isPublic ? 'public' : 'private', key];
    }),
  st_column: (engine) =>
    listed(engine).flatMap(({ id, columns }) =>
      columns.map(({ name, type }, position) => [id, position, name, typeBytes(type)]),
    ),
  st_index: (engine) =>
    listed(engine).flatMap((table) =>
      table.indexes.map(({ id, name, columns, algorithm }) => [id, table.id, name, algorithmOf(algorithm, columns)]),
    ),
  st_constraint: (engine) => constraints(engine),
  st_sequence: (engine) => sequences(engine),
  st_module: ({ identity, owner, definition }) => [
    [
      BigInt(`0x${identity}`),
      BigInt(`0x${owner}`),
      moduleKindJs,
      hashNumber(definition.moduleHash),
      definition.moduleBytes,
      moduleVersion,
    ],
  ],
  st_client: (engine) =>
    engine.connections().map(({ identity, connectionId }) => [BigInt(`0x${identity}`), BigInt(`0x${connectionId}`)]),
  st_connection_credentials: (engine) =>
    engine.connections().map(({ connectionId, jwtPayload }) => [BigInt(`0x${connectionId}`), jwtPayload]),
  st_scheduled: ({ definition }) => {
    const raw = decodeRawModule(definition.raw);
    return raw.schedules.flatMap(({ tableName, functionName, scheduleAtColumn }, position) => {
      const table = tableNamed(definition, tableName);
      if (table === undefined) return [];
      const { id, name } = table;
      const called = functionNamed(raw, functionName);
      return [[reservedIds + position + 1, reservedIds + id, called, `${name}_sched`, scheduleAtColumn]];
    });
  },
  st_row_level_security: ({ definition }) =>
    definition.rowLevelSecurity.flatMap((sql) => {
      const rule = parseSelect(sql);
      const table = rule.kind === 'select' ? tableNamed(definition, rule.from.name) : undefined;
      return table === undefined ? [] : [[reservedIds + table.id, sql]];
    }),
  // As upstream, each view is listed as public; its access is that of its table.
  st_view: (engine) =>
    views(engine).map(({ id, name, isAnonymous }, position) => [
      reservedIds + position + 1,
      name,
      reservedIds + id,
      true,
      isAnonymous,
    ]),
  // Views with parameters are not loaded.
  st_view_param: () => [],
  st_view_column: (engine) =>
    views(engine).flatMap(({ columns }, position) =>
      columns.map(({ name, type }, column) => [reservedIds + position + 1, column, name, typeBytes(type)]),
    ),
  // Upstream does not write these two any more.
  st_view_sub: () => [],
  st_view_arg: () => [],
  st_event_table: (engine) =>
    listed(engine)
      .filter(({ definition }) => definition.isEvent)
      .map(({ id }) => [id]),
  st_table_accessor: ({ definition }) => [...definition.tables.values()].map(({ name, accessor }) => [name, accessor]),
  st_index_accessor: ({ definition }) => {
    const raw = decodeRawModule(definition.raw);
    return [...definition.tables.values()].flatMap(({ kind, id, indexes }) =>
      kind === 'view'
        ? []
        : indexes.flatMap(({ name }, position) => {
            const source = raw.tables[id - 1]?.indexes[position]?.sourceName;
            return source === undefined ? [] : [[name, source]];
          }),
    );
  },
  st_column_accessor: ({ definition }) =>
    [...definition.tables.values()].flatMap((table) =>
      table.columns.map(({ name, accessor }) => [table.name, name, accessor]),
    ),
};

/** The system tables with upstream's ids, then the tables of the module and its views, from the first id that is free. */
function listed({ definition, variables }: EngineDatabase): readonly Listed[] {
  const system = systemTables(variables).map((table, position): Listed => {
    const ids = systemIndexes.flatMap(([name], index) => (name === table.name ? [index + 1] : []));
    const indexes = table.indexes.map((index, at) => ({ ...index, id: ids[at] ?? 0 }));
    return { id: position + 1, definition: table, isSystem: true, columns: table.columns, indexes };
  });
  let index = reservedIds;
  const others = [...definition.tables.values()].map((table): Listed => {
    const isView = table.kind === 'view';
    const found = isView ? viewIndexes(table) : table.indexes;
    return {
      id: reservedIds + table.id,
      definition: table,
      isSystem: false,
      columns: isView ? [{ name: 'arg_hash', type: AlgebraicType.U256 }, ...table.columns] : table.columns,
      indexes: found.map((one) => {
        index += 1;
        return { ...one, id: index };
      }),
    };
  });
  return [...system, ...others];
}

/** The indexes of the table in which upstream keeps a view. */
function viewIndexes({ name, columns, primaryKey }: TableDefinition): readonly IndexDefinition[] {
  const [key] = primaryKey;
  const own = { name: `${name}_arg_hash_idx_btree`, columns: [0], unique: false, algorithm: 'btree' } as const;
  if (key === undefined) return [own];
  const byKey = {
    ...own,
    name: `${name}_arg_hash_${columns[key]?.name}_idx_btree`,
    columns: [0, key + 1],
    unique: true,
  };
  return [own, byKey];
}

function constraints(engine: EngineDatabase): Values[] {
  let system = 0;
  let user = reservedIds;
  return listed(engine).flatMap((table) => {
    const unique = table.indexes
      .filter((index) => index.unique)
      .map(({ columns }) => [...columns].sort((a, b) => a - b));
    const distinct = new Map(unique.map((columns) => [columns.join(), columns]));
    return [...distinct.values()].map((columns) => {
      if (table.isSystem) system += 1;
      else user += 1;
      const names = columns.map((column) => table.columns[column]?.name).join('_');
      const name = `${table.definition.name}_${names}_key`;
      return [table.isSystem ? system : user, name, table.id, { tag: 'Unique', value: { columns } }];
    });
  });
}

/** The sequences of the module; those by which the host itself counts are none. */
function sequences(engine: EngineDatabase): Values[] {
  const { definition } = engine;
  const raw = decodeRawModule(definition.raw);
  const reserved = engine.reservations();
  const found = [...definition.tables.values()].flatMap((table) => {
    const own = table.kind === 'view' ? [] : (raw.tables[table.id - 1]?.sequences ?? []);
    return own.map((sequence): Values => {
      const { min, max, start } = sequenceRange(sequence);
      const column = table.columns[sequence.column]?.name;
      const allocated = reserved.get(`${table.name}.${column}`) ?? start;
      const place = [`${table.name}_${column}_seq`, reservedIds + table.id, sequence.column];
      return [...place, sequence.increment, start, min, max, allocated];
    });
  });
  return found.map((values, position) => [reservedIds + position + 1, ...values]);
}

function views({ definition }: EngineDatabase): readonly TableDefinition[] {
  return [...definition.tables.values()].filter(({ kind }) => kind === 'view');
}

function functionNamed({ explicitNames, snakeCase: isSnakeCase }: RawModule, source: string): string {
  const explicit = explicitNames.find((entry) => entry.kind === 'function' && entry.sourceName === source);
  return explicit?.canonicalName ?? (isSnakeCase ? snakeCase(source) : source);
}

function algorithmOf(algorithm: IndexDefinition['algorithm'], columns: readonly number[]): object {
  if (algorithm === 'direct') return { tag: 'Direct', value: { column: columns[0] } };
  return { tag: algorithm === 'hash' ? 'Hash' : 'BTree', value: { columns } };
}

/** A hash as upstream keeps it: a number whose first byte is the lowest. */
function hashNumber(hex: string): bigint {
  return BigInt(`0x${Buffer.from(hex, 'hex').reverse().toString('hex')}`);
}
