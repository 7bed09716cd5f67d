import { AlgebraicType } from 'spacetimedb';
import type { DatabaseDefinition } from '../engine/database.ts';
import { camelCase, snakeCase } from '../engine/names.ts';
import { decodeRawModule, type RawFunction, type RawIndex, type RawModule } from '../engine/raw-module.ts';
import { algebraicTypeJson } from '../sats/type-json.ts';

const lifecycleNames = { init: 'Init', 'on-connect': 'OnConnect', 'on-disconnect': 'OnDisconnect' } as const;

/** The definition of a module in version 9: SATS-JSON text. Names are canonical, as in all that version 9 tells. */
export function schemaVersion9({ raw, tables }: DatabaseDefinition): string {
  const module = decodeRawModule(raw);
  const named = (kind: 'table' | 'function', source: string) =>
    module.explicitNames.find((entry) => entry.kind === kind && entry.sourceName === source)?.canonicalName ??
    (module.snakeCase ? snakeCase(source) : source);
  const type = (value: AlgebraicType) => algebraicTypeJson(canonical(module, value));
  const fn = ({ sourceName, params }: RawFunction) => ({
    name: named('function', sourceName),
    params: type(AlgebraicType.Product(params)).Product,
  });
  const schema = {
    typespace: { types: module.types.map(type) },
    tables: module.tables.map((table) => {
      const name = named('table', table.sourceName);
      const schedule = module.schedules.find(({ tableName }) => tableName === table.sourceName);
      const indexNames = tables.get(name)?.indexes.map((index) => index.name) ?? [];
      const joined = (columns: readonly number[]) =>
        columns.map((column) => tables.get(name)?.columns[column]?.name).join('_');
      return {
        name,
        product_type_ref: table.productTypeRef,
        primary_key: table.primaryKey,
        indexes: table.indexes.map((index, position) => ({
          name: option(indexNames[position]),
          accessor_name: option(index.accessorName),
          algorithm: algorithm(index),
        })),
        constraints: table.unique.map((columns) => ({
          name: option(`${name}_${joined(columns)}_key`),
          data: { Unique: { columns } },
        })),
        sequences: table.sequences.map(({ column, increment }) => ({
          name: option(`${name}_${joined([column])}_seq`),
          column,
          start: option(undefined),
          min_value: option(undefined),
          max_value: option(undefined),
          increment: Number(increment),
        })),
        schedule: option(
          schedule && {
            name: option(`${name}_sched`),
            reducer_name: named('function', schedule.functionName),
            scheduled_at_column: schedule.scheduleAtColumn,
          },
        ),
        table_type: { User: [] },
        table_access: table.isPublic ? { Public: [] } : { Private: [] },
      };
    }),
    reducers: module.reducers.map((reducer) => {
      const event = module.lifecycle.find(({ functionName }) => functionName === reducer.sourceName)?.event;
      return { ...fn(reducer), lifecycle: option(event && { [lifecycleNames[event]]: [] }) };
    }),
    types: module.typeNames.map(({ scope, name, ref, customOrdering }) => ({
      name: { scope, name },
      ty: ref,
      custom_ordering: customOrdering,
    })),
    misc_exports: [
      ...module.procedures.map((procedure) => ({
        Procedure: { ...fn(procedure), return_type: type(procedure.returns) },
      })),
      ...module.views.map(({ sourceName, index, isPublic, isAnonymous, params, returns }) => ({
        View: {
          name: named('function', sourceName),
          index,
          is_public: isPublic,
          is_anonymous: isAnonymous,
          params: type(AlgebraicType.Product(params)).Product,
          return_type: type(returns),
        },
      })),
    ],
    row_level_security: module.rowLevelSecurity.map((sql) => ({ sql })),
  };
  return JSON.stringify(schema);
}

function algorithm({ algorithm: kind, columns }: RawIndex): object {
  if (kind === 'direct') return { Direct: columns[0] };
  return kind === 'hash' ? { Hash: columns } : { BTree: columns };
}

function option(value: unknown): object {
  return value === undefined ? { none: [] } : { some: value };
}

/** A type with the canonical names of fields and variants; the magic names of the built-in types stay. */
function canonical(module: RawModule, type: AlgebraicType): AlgebraicType {
  const renamed = (name: string | undefined, rename: (text: string) => string) =>
    name === undefined || name.startsWith('__') || !module.snakeCase ? name : rename(name);
  switch (type.tag) {
    case 'Array':
      return AlgebraicType.Array(canonical(module, type.value));
    case 'Product': {
      const elements = type.value.elements.map(({ name, algebraicType }) => ({
        name: renamed(name, snakeCase),
        algebraicType: canonical(module, algebraicType),
      }));
      return AlgebraicType.Product({ elements });
    }
    case 'Sum': {
      const isSchedule = type.value.variants.map(({ name }) => name).join() === 'Interval,Time';
      const variants = type.value.variants.map(({ name, algebraicType }) => ({
        name: isSchedule ? name : renamed(name, camelCase),
        algebraicType: canonical(module, algebraicType),
      }));
      return AlgebraicType.Sum({ variants });
    }
    default:
      return type;
  }
}
