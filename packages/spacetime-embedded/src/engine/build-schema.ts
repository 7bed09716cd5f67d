import { keccak_256 } from '@noble/hashes/sha3.js';
import { AlgebraicType } from 'spacetimedb';
import { walkOf } from './bsatn-walk.ts';
import type { DatabaseDefinition, TableDefinition } from './database.ts';
import { EngineError } from './errors.ts';
import type { FunctionSchema, IndexSchema, ModuleSchema, TableSchema, ViewSchema } from './module-schema.ts';
import { snakeCase } from './names.ts';
import type { RawFunction, RawModule, RawView } from './raw-module.ts';
import { TypeResolver } from './resolve-type.ts';
import { readRowRules } from './row-rules.ts';
import { isSystemTableName } from './system-table-names.ts';
import { buildTable } from './table-schema.ts';

/**
 * Checks a module definition and gives everything its canonical name.
 *
 * @throws {EngineError} `module_invalid`, `module_unsupported`.
 */
export function buildSchema(raw: RawModule, rawBytes: Uint8Array, moduleBytes: Uint8Array): ModuleSchema {
  const resolver = new TypeResolver(raw.types, raw.snakeCase);
  const nameOf = (kind: 'table' | 'function', source: string): string =>
    explicitName(raw, kind, source) ?? (raw.snakeCase ? snakeCase(source) : source);

  const indexes: IndexSchema[] = [];
  const tables = raw.tables.map((table, position) => {
    const schedule = raw.schedules.find((candidate) => candidate.tableName === table.sourceName);
    const built = buildTable(table, {
      position,
      name: nameOf('table', table.sourceName),
      resolver,
      firstIndexId: indexes.length + 1,
      indexName: (source) => explicitName(raw, 'index', source),
      schedule:
        schedule === undefined
          ? undefined
          : { column: schedule.scheduleAtColumn, functionName: nameOf('function', schedule.functionName) },
    });
    indexes.push(...built.indexes);
    return built;
  });
  const views = raw.views.map((view, position) =>
    buildView(view, nameOf('function', view.sourceName), tables.length + position + 1, raw, resolver),
  );
  const functions = buildFunctions(raw, nameOf, resolver);
  for (const { schedule, definition } of tables) {
    if (schedule === undefined || functions.has(schedule.functionName)) continue;
    throw new EngineError('module_invalid', `"${definition.name}" is scheduled for a function that does not exist.`);
  }

  const byName = new Map<string, TableDefinition>();
  for (const { definition } of [...tables, ...views]) {
    if (byName.has(definition.name)) throw nameTaken(definition.name);
    if (isSystemTableName(definition.name)) {
      throw new EngineError('module_invalid', `"${definition.name}" is the name of a system table.`);
    }
    byName.set(definition.name, definition);
  }
  const all = [...functions.values()];
  const definition: DatabaseDefinition = {
    tables: byName,
    reducers: new Map(
      all.filter(({ kind }) => kind === 'reducer').map(({ definition: reducer }) => [reducer.name, reducer]),
    ),
    procedures: new Map(
      all
        .filter(({ kind }) => kind === 'procedure')
        .map(({ definition: procedure, id }) => [
          procedure.name,
          {
            ...procedure,
            returns: resolver.resolve(raw.procedures[id]?.returns ?? AlgebraicType.Product({ elements: [] })),
          },
        ]),
    ),
    routes: raw.httpRoutes.map(({ handler, method, path }) => ({
      handler: handlerNumber(raw, handler),
      method,
      path,
    })),
    rowLevelSecurity: raw.rowLevelSecurity,
    rowRules: readRowRules(raw.rowLevelSecurity, byName),
    moduleHash: Buffer.from(keccak_256(moduleBytes)).toString('hex'),
    moduleBytes,
    raw: rawBytes,
  };
  return {
    definition,
    tables,
    tablesByName: aliases(tables, (table) => [table.definition.name, table.definition.accessor]),
    indexes,
    indexesByName: aliases(indexes, (index) => {
      const source = raw.tables[index.table.position]?.indexes[index.position]?.sourceName;
      return source === undefined ? [index.name] : [index.name, source];
    }),
    views,
    functions,
    lifecycle: Object.fromEntries(
      raw.lifecycle.map(({ event, functionName }) => [event, functions.get(nameOf('function', functionName))]),
    ),
    shape: shapeOf(tables),
  };
}

function handlerNumber({ httpHandlers }: RawModule, name: string): number {
  const number = httpHandlers.indexOf(name);
  if (number === -1)
    throw new EngineError('module_invalid', `A route names the handler "${name}", which is not there.`);
  return number;
}

function explicitName(raw: RawModule, kind: 'table' | 'function' | 'index', source: string): string | undefined {
  return raw.explicitNames.find((entry) => entry.kind === kind && entry.sourceName === source)?.canonicalName;
}

/** Source names win over canonical ones: the module itself speaks in source names. */
function aliases<T>(items: readonly T[], namesOf: (item: T) => readonly string[]): ReadonlyMap<string, T> {
  const out = new Map<string, T>();
  for (const item of items) for (const name of namesOf(item).slice(0, 1)) out.set(name, item);
  for (const item of items) for (const name of namesOf(item).slice(1)) out.set(name, item);
  return out;
}

function buildFunctions(
  raw: RawModule,
  nameOf: (kind: 'function', source: string) => string,
  resolver: TypeResolver,
): Map<string, FunctionSchema> {
  const scheduled = new Set(raw.schedules.map(({ functionName }) => functionName));
  const out = new Map<string, FunctionSchema>();
  const add = (kind: 'reducer' | 'procedure', source: RawFunction, id: number): void => {
    const name = nameOf('function', source.sourceName);
    if (out.has(name)) throw nameTaken(name);
    const lifecycle = raw.lifecycle.find(({ functionName }) => functionName === source.sourceName)?.event;
    const isScheduled = scheduled.has(source.sourceName);
    const params = resolver.product(source.params);
    out.set(name, {
      kind,
      id,
      definition: {
        name,
        params,
        visibility: source.isPrivate || isScheduled || lifecycle !== undefined ? 'private' : 'client-callable',
        lifecycle,
      },
      walks: params.elements.map((element) => walkOf(element.algebraicType)),
      scheduled: isScheduled,
    });
  };
  raw.reducers.forEach((reducer, id) => {
    add('reducer', reducer, id);
  });
  raw.procedures.forEach((procedure, id) => {
    add('procedure', procedure, id);
  });
  return out;
}

function buildView(view: RawView, name: string, id: number, raw: RawModule, resolver: TypeResolver): ViewSchema {
  if (view.params.elements.length > 0) {
    throw new EngineError('module_unsupported', `The view "${name}" takes parameters.`);
  }
  const { returns } = view;
  const row =
    returns.tag === 'Array'
      ? returns.value
      : returns.tag === 'Sum' && returns.value.variants[0]?.name === 'some'
        ? returns.value.variants[0].algebraicType
        : undefined;
  const rowType = row === undefined ? undefined : resolver.resolve(row);
  const source = row?.tag === 'Ref' ? raw.types[row.value] : row;
  if (rowType?.tag !== 'Product' || source?.tag !== 'Product') {
    throw new EngineError('module_invalid', `The view "${name}" returns neither rows nor an optional row.`);
  }
  const columns = rowType.value.elements.map((element, position) => ({
    name: element.name ?? `column_${position}`,
    accessor: source.value.elements[position]?.name ?? element.name ?? `column_${position}`,
    type: element.algebraicType,
  }));
  const primaryKey = raw.viewPrimaryKeys
    .filter((entry) => entry.view === view.sourceName)
    .flatMap((entry) => entry.columns)
    .map((column) => columns.findIndex((candidate) => candidate.accessor === column || candidate.name === column))
    .filter((position) => position >= 0);
  return {
    definition: {
      kind: 'view',
      id,
      name,
      accessor: view.sourceName,
      isPublic: view.isPublic,
      isEvent: false,
      isAnonymous: view.isAnonymous,
      columns,
      rowType: rowType.value,
      primaryKey,
      indexes: [],
    },
    moduleIndex: view.index,
    walks: columns.map((column) => walkOf(column.type)),
    decoders: columns.map((column) => AlgebraicType.makeDeserializer(column.type)),
  };
}

function shapeOf(tables: readonly TableSchema[]): string {
  const shapes = tables.map(({ definition, uniqueIndexes, sequences }) => ({
    name: definition.name,
    event: definition.isEvent,
    columns: definition.columns.map(({ name, type }) => [name, type]),
    primaryKey: definition.primaryKey,
    unique: uniqueIndexes.map(({ columns }) => columns.join()).sort(),
    sequences: sequences.map(({ name }) => name),
  }));
  return JSON.stringify(shapes.sort((a, b) => (a.name < b.name ? -1 : 1)));
}

function nameTaken(name: string): EngineError {
  return new EngineError('module_invalid', `The module uses the name "${name}" twice.`);
}
