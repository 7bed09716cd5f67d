import { AlgebraicType } from 'spacetimedb';
import type { TableSchema } from './module-schema.ts';
import { TypeResolver } from './resolve-type.ts';
import { buildTable } from './table-schema.ts';

const unsigned = ['U8', 'U16', 'U32', 'U64', 'U128'] as const;
const signed = ['I8', 'I16', 'I32', 'I64', 'I128'] as const;
const others = ['F32', 'F64', 'String'] as const;
const integers = signed.flatMap((name, size) => [name, unsigned[size] ?? name]);

/** The value of a system variable: upstream has one type for all of them. */
const valueType = AlgebraicType.Sum({
  variants: ['Bool' as const, ...integers, ...others].map((name) => ({ name, algebraicType: AlgebraicType[name] })),
});

const rowType = AlgebraicType.Product({
  elements: [
    { name: 'name', algebraicType: AlgebraicType.String },
    { name: 'value', algebraicType: valueType },
  ],
});

/**
 * The table `st_var`, in which a database keeps the variables that its owner has set: in the log and the snapshots as the
 * tables of the module, but outside of the module's reach.
 */
export function variablesSchema(): TableSchema {
  const table = {
    sourceName: 'st_var',
    productTypeRef: 0,
    primaryKey: [0],
    indexes: [{ sourceName: undefined, accessorName: undefined, algorithm: 'btree' as const, columns: [0] }],
    unique: [[0]],
    sequences: [],
    isPublic: true,
    isEvent: false,
    defaults: new Map<number, Uint8Array>(),
  };
  return buildTable(table, {
    // No module sees it: it has no place among the tables of the module.
    position: -1,
    name: 'st_var',
    resolver: new TypeResolver([rowType], false),
    firstIndexId: 0,
    indexName: () => undefined,
    schedule: undefined,
  });
}
