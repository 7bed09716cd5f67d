import { AlgebraicType } from 'spacetimedb';
import { integerSizes, walkOf } from './bsatn-walk.ts';
import type { IndexDefinition } from './database.ts';
import { EngineError } from './errors.ts';
import type { IndexSchema, ScheduleSchema, SequenceSchema, TableSchema } from './module-schema.ts';
import type { RawSequence, RawTable } from './raw-module.ts';
import { isScheduleAt, type TypeResolver } from './resolve-type.ts';
import { sequenceRange } from './sequences.ts';
import { keyEncoderOf } from './sort-key.ts';

interface TableContext {
  readonly position: number;
  readonly name: string;
  readonly resolver: TypeResolver;
  readonly firstIndexId: number;
  readonly indexName: (source: string) => string | undefined;
  readonly schedule: ScheduleSchema | undefined;
}

/** Checks one table of a module. @throws {EngineError} `module_invalid`, `module_unsupported`. */
export function buildTable(raw: RawTable, context: TableContext): TableSchema {
  const { name, resolver } = context;
  const source = resolver.resolve(AlgebraicType.Ref(raw.productTypeRef));
  const accessors = resolver.sourceNames(raw.productTypeRef);
  if (source.tag !== 'Product') throw new EngineError('module_invalid', `The rows of "${name}" are not a product.`);
  const columns = source.value.elements.map((element, position) => {
    if (element.name === undefined) throw new EngineError('module_invalid', `A column of "${name}" has no name.`);
    return { name: element.name, accessor: accessors[position] ?? element.name, type: element.algebraicType };
  });
  const distinct = new Set(columns.map((column) => column.name));
  if (distinct.size < columns.length) {
    throw new EngineError('module_invalid', `Two columns of "${name}" have the same canonical name.`);
  }
  const has = (column: number): boolean => columns[column] !== undefined;
  const walks = columns.map((column) => walkOf(column.type));

  // The table and its indexes know each other: the list is filled below.
  const indexes: IndexSchema[] = [];
  const uniqueIndexes: IndexSchema[] = [];
  const listed: IndexDefinition[] = [];
  const table: TableSchema = {
    position: context.position,
    walks,
    decoders: columns.map((column) => AlgebraicType.makeDeserializer(column.type)),
    indexes,
    uniqueIndexes,
    sequences: raw.sequences.map((sequence) => buildSequence(sequence, name, columns)),
    schedule: context.schedule,
    defaults: raw.defaults,
    definition: {
      kind: 'table',
      id: context.position + 1,
      name,
      accessor: raw.sourceName,
      isPublic: raw.isPublic,
      isEvent: raw.isEvent,
      isAnonymous: false,
      columns,
      rowType: source.value,
      primaryKey: raw.primaryKey,
      indexes: listed,
    },
  };
  for (const [position, index] of raw.indexes.entries()) {
    if (index.columns.length === 0 || !index.columns.every(has)) {
      throw new EngineError('module_invalid', `An index of "${name}" names a column that does not exist.`);
    }
    const types = index.columns.map((column) => columns[column]?.type as AlgebraicType);
    const columnNames = index.columns.map((column) => columns[column]?.name).join('_');
    const explicit = index.sourceName === undefined ? undefined : context.indexName(index.sourceName);
    const built: IndexSchema = {
      id: context.firstIndexId + position,
      table,
      position,
      name: explicit ?? `${name}_${columnNames}_idx_${index.algorithm}`,
      columns: index.columns,
      unique: raw.unique.some((constraint) => sameColumns(constraint, index.columns)),
      ranges: index.algorithm !== 'hash',
      encoders: types.map((type) => keyEncoderOf(type)),
      walks: types.map((type) => walkOf(type)),
    };
    indexes.push(built);
    const { name: indexName, columns: indexColumns, unique } = built;
    listed.push({ name: indexName, columns: indexColumns, unique, algorithm: index.algorithm });
    if (built.unique) uniqueIndexes.push(built);
  }
  for (const constraint of [...raw.unique, ...(raw.primaryKey.length > 0 ? [raw.primaryKey] : [])]) {
    if (uniqueIndexes.some((index) => sameColumns(index.columns, constraint))) continue;
    throw new EngineError('module_invalid', `A unique constraint of "${name}" has no index over its columns.`);
  }
  if (context.schedule !== undefined) checkSchedule(table, context.schedule);
  return table;
}

function checkSchedule({ definition }: TableSchema, schedule: ScheduleSchema): void {
  const [key] = definition.primaryKey;
  const type = definition.columns[schedule.column]?.type;
  const keyType = key === undefined ? undefined : definition.columns[key]?.type;
  if (type !== undefined && isScheduleAt(type) && definition.primaryKey.length === 1 && keyType?.tag === 'U64') return;
  throw new EngineError(
    'module_invalid',
    `The schedule table "${definition.name}" needs a u64 primary key and a ScheduleAt column.`,
  );
}

function buildSequence(
  raw: RawSequence,
  table: string,
  columns: readonly { readonly name: string; readonly type: AlgebraicType }[],
): SequenceSchema {
  const column = columns[raw.column];
  const size = column === undefined ? undefined : integerSizes[column.type.tag];
  if (column === undefined || size === undefined || raw.increment === 0n) {
    throw new EngineError('module_invalid', `A sequence of "${table}" is not over an integer column.`);
  }
  const { min, max, start } = sequenceRange(raw);
  return { name: `${table}.${column.name}`, column: raw.column, start, min, max, increment: raw.increment, size };
}

function sameColumns(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((column) => b.includes(column));
}
