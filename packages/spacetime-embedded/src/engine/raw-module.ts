import { AlgebraicType, BinaryReader, type ProductType } from 'spacetimedb';
import { EngineError } from './errors.ts';
import { httpMethods } from './http-codec.ts';
import { scalarTags } from './type-bytes.ts';

/** A module definition as the module describes itself: names of the source, types with references. */
export interface RawModule {
  types: AlgebraicType[];
  typeNames: { scope: string[]; name: string; ref: number; customOrdering: boolean }[];
  tables: RawTable[];
  reducers: RawFunction[];
  procedures: (RawFunction & { returns: AlgebraicType })[];
  views: RawView[];
  schedules: { tableName: string; scheduleAtColumn: number; functionName: string }[];
  lifecycle: { event: 'init' | 'on-connect' | 'on-disconnect'; functionName: string }[];
  rowLevelSecurity: string[];
  snakeCase: boolean;
  explicitNames: { kind: 'table' | 'function' | 'index'; sourceName: string; canonicalName: string }[];
  viewPrimaryKeys: { view: string; columns: string[] }[];
  /** Names of the source. */
  httpHandlers: string[];
  /** A route without a method is of every one. */
  httpRoutes: { handler: string; method: string | undefined; path: string }[];
}

export interface RawTable {
  sourceName: string;
  productTypeRef: number;
  primaryKey: number[];
  indexes: RawIndex[];
  unique: number[][];
  sequences: RawSequence[];
  isPublic: boolean;
  isEvent: boolean;
  /** BSATN values that rows get in columns which come with an update, by column. */
  defaults: ReadonlyMap<number, Uint8Array>;
}

export interface RawIndex {
  sourceName: string | undefined;
  accessorName: string | undefined;
  algorithm: 'btree' | 'hash' | 'direct';
  columns: number[];
}

export interface RawSequence {
  column: number;
  start: bigint | undefined;
  min: bigint | undefined;
  max: bigint | undefined;
  increment: bigint;
}

export interface RawFunction {
  sourceName: string;
  params: ProductType;
  isPrivate: boolean;
}

export interface RawView {
  sourceName: string;
  index: number;
  isPublic: boolean;
  isAnonymous: boolean;
  params: ProductType;
  returns: AlgebraicType;
}

/**
 * Reads what `__describe_module__` returns.
 *
 * @throws {EngineError} `module_invalid` when it cannot be read, `module_unsupported` for what this host leaves out.
 */
export function decodeRawModule(bytes: Uint8Array): RawModule {
  try {
    return readModule(new BinaryReader(bytes));
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError('module_invalid', 'The description of the module cannot be decoded.', { cause });
  }
}

function readModule(reader: BinaryReader): RawModule {
  const version = reader.readU8();
  if (version !== 2) {
    throw new EngineError(
      'module_unsupported',
      `The module describes itself in an old form (tag ${version}), not V10.`,
    );
  }
  const module: RawModule = {
    types: [],
    typeNames: [],
    tables: [],
    reducers: [],
    procedures: [],
    views: [],
    schedules: [],
    lifecycle: [],
    rowLevelSecurity: [],
    snakeCase: true,
    explicitNames: [],
    viewPrimaryKeys: [],
    httpHandlers: [],
    httpRoutes: [],
  };
  const count = reader.readU32();
  for (let index = 0; index < count; index += 1) readSection(reader, module);
  return module;
}

const events = ['init', 'on-connect', 'on-disconnect'] as const;
const nameKinds = ['table', 'function', 'index'] as const;

function readSection(reader: BinaryReader, module: RawModule): void {
  const tag = reader.readU8();
  switch (tag) {
    case 0:
      module.types = list(reader, readType);
      return;
    case 1:
      module.typeNames = list(reader, () => ({
        scope: list(reader, () => reader.readString()),
        name: reader.readString(),
        ref: reader.readU32(),
        customOrdering: reader.readBool(),
      }));
      return;
    case 2:
      module.tables = list(reader, readTable);
      return;
    case 3:
      module.reducers = list(reader, () => {
        const reducer = readFunction(reader);
        reducer.isPrivate = reader.readU8() === 0;
        readType(reader);
        readType(reader);
        return reducer;
      });
      return;
    case 4:
      module.procedures = list(reader, () => {
        const procedure = readFunction(reader);
        const returns = readType(reader);
        return { ...procedure, returns, isPrivate: reader.readU8() === 0 };
      });
      return;
    case 5:
      module.views = list(reader, readView);
      return;
    case 6:
      module.schedules = list(reader, () => {
        option(reader, () => reader.readString());
        return {
          tableName: reader.readString(),
          scheduleAtColumn: reader.readU16(),
          functionName: reader.readString(),
        };
      });
      return;
    case 7:
      module.lifecycle = list(reader, () => {
        const event = pick(events, reader.readU8(), 'lifecycle event');
        return { event, functionName: reader.readString() };
      });
      return;
    case 8:
      module.rowLevelSecurity = list(reader, () => reader.readString());
      return;
    case 9:
      module.snakeCase = reader.readU8() === 1;
      return;
    case 10:
      module.explicitNames = list(reader, () => {
        const kind = pick(nameKinds, reader.readU8(), 'explicit name');
        return { kind, sourceName: reader.readString(), canonicalName: reader.readString() };
      });
      return;
    case 11:
      module.httpHandlers = list(reader, () => reader.readString());
      return;
    case 12:
      module.httpRoutes = list(reader, () => ({
        handler: reader.readString(),
        method: reader.readU8() === 0 ? undefined : readMethod(reader),
        path: reader.readString(),
      }));
      return;
    case 13:
      module.viewPrimaryKeys = list(reader, () => ({
        view: reader.readString(),
        columns: list(reader, () => reader.readString()),
      }));
      return;
    case 14:
      refuseAny(reader, 'submodules');
      return;
    default:
      throw new EngineError('module_unsupported', `The module description has an unknown section (tag ${tag}).`);
  }
}

function readMethod(reader: BinaryReader): string {
  return httpMethods[reader.readU8()] ?? reader.readString();
}

function readTable(reader: BinaryReader): RawTable {
  const sourceName = reader.readString();
  const productTypeRef = reader.readU32();
  const primaryKey = list(reader, () => reader.readU16());
  const indexes = list(reader, readIndex);
  const unique = list(reader, () => {
    option(reader, () => reader.readString());
    if (reader.readU8() !== 0) throw new EngineError('module_unsupported', 'The module has an unknown constraint.');
    return list(reader, () => reader.readU16());
  });
  const sequences = list(reader, () => {
    option(reader, () => reader.readString());
    return {
      column: reader.readU16(),
      start: option(reader, () => reader.readI128()),
      min: option(reader, () => reader.readI128()),
      max: option(reader, () => reader.readI128()),
      increment: reader.readI128(),
    };
  });
  if (reader.readU8() !== 1) throw new EngineError('module_unsupported', `"${sourceName}" is not a user table.`);
  const isPublic = reader.readU8() === 0;
  const defaults = new Map(list(reader, () => [reader.readU16(), reader.readUInt8Array()] as const));
  const isEvent = reader.readBool();
  return { sourceName, productTypeRef, primaryKey, indexes, unique, sequences, isPublic, isEvent, defaults };
}

function readIndex(reader: BinaryReader): RawIndex {
  const sourceName = option(reader, () => reader.readString());
  const accessorName = option(reader, () => reader.readString());
  const algorithm = pick(['btree', 'hash', 'direct'] as const, reader.readU8(), 'index algorithm');
  const columns = algorithm === 'direct' ? [reader.readU16()] : list(reader, () => reader.readU16());
  return { sourceName, accessorName, algorithm, columns };
}

function readFunction(reader: BinaryReader): RawFunction {
  return { sourceName: reader.readString(), params: readProduct(reader), isPrivate: false };
}

function readView(reader: BinaryReader): RawView {
  return {
    sourceName: reader.readString(),
    index: reader.readU32(),
    isPublic: reader.readBool(),
    isAnonymous: reader.readBool(),
    params: readProduct(reader),
    returns: readType(reader),
  };
}

const primitives = scalarTags.map((tag) => AlgebraicType[tag]);

function readType(reader: BinaryReader): AlgebraicType {
  const tag = reader.readU8();
  if (tag === 0) return AlgebraicType.Ref(reader.readU32());
  if (tag === 1) {
    const variants = list(reader, () => ({
      name: option(reader, () => reader.readString()),
      algebraicType: readType(reader),
    }));
    return AlgebraicType.Sum({ variants });
  }
  if (tag === 2) return AlgebraicType.Product(readProduct(reader));
  if (tag === 3) return AlgebraicType.Array(readType(reader));
  return pick(primitives, tag - 4, 'type');
}

function readProduct(reader: BinaryReader): ProductType {
  const elements = list(reader, () => ({
    name: option(reader, () => reader.readString()),
    algebraicType: readType(reader),
  }));
  return { elements };
}

function list<T>(reader: BinaryReader, read: (reader: BinaryReader) => T): T[] {
  const count = reader.readU32();
  const out: T[] = [];
  for (let index = 0; index < count; index += 1) out.push(read(reader));
  return out;
}

function option<T>(reader: BinaryReader, read: () => T): T | undefined {
  return reader.readU8() === 0 ? read() : undefined;
}

function pick<T>(choices: readonly T[], tag: number, what: string): T {
  const choice = choices[tag];
  if (choice === undefined) throw new EngineError('module_unsupported', `The module has an unknown ${what}.`);
  return choice;
}

function refuseAny(reader: BinaryReader, what: string): void {
  if (reader.readU32() === 0) return;
  throw new EngineError('module_unsupported', `The module has ${what}, which this host does not run.`);
}
