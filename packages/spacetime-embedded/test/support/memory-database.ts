import { createHash } from 'node:crypto';
import { AlgebraicType, BinaryReader, BinaryWriter, ProductType, type TypeBuilder } from 'spacetimedb';
import type { ClientConnection } from '../../src/engine/client-connection.ts';
import {
  type CallerInfo,
  ClientRejected,
  type Commit,
  type EngineDatabase,
  type FunctionDefinition,
  type HandlerResult,
  type LogLine,
  type ProcedureResult,
  type ReducerResult,
  type Row,
  type TableChange,
  type TableDefinition,
} from '../../src/engine/database.ts';
import { readRowRules } from '../../src/engine/row-rules.ts';
import { variablesSchema } from '../../src/engine/system-variables.ts';

type Columns = Readonly<Record<string, TypeBuilder<unknown, AlgebraicType>>>;

export interface TableSpec {
  readonly columns: Columns;
  readonly isPublic?: boolean;
  readonly isEvent?: boolean;
  /** Column names, one index each. */
  readonly indexes?: readonly string[];
  readonly primaryKey?: string;
}

export interface Transaction {
  insert(table: string, ...values: readonly unknown[]): void;
  delete(table: string, where: (values: readonly unknown[]) => boolean): void;
}

export interface MemorySpec {
  readonly tables: Readonly<Record<string, TableSpec>>;
  readonly rules?: readonly string[];
  readonly reducers?: Readonly<
    Record<
      string,
      {
        readonly params: Columns;
        readonly run: (tx: Transaction, caller: CallerInfo, args: readonly unknown[]) => void;
      }
    >
  >;
  /** A message refuses the client. */
  readonly onConnect?: (client: ClientConnection) => string | undefined;
}

/** What a reducer of a test throws in place of a SenderError. */
export class SenderFailure extends Error {}

const product = (columns: Columns): ProductType => ({
  elements: Object.entries(columns).map(([name, type]) => ({ name, algebraicType: type.algebraicType })),
});

/** A small engine without module, realm or log: what the server half needs to be tested on its own. */
export class MemoryDatabase implements EngineDatabase {
  readonly identity = `c200${'11'.repeat(30)}`;
  readonly owner: string;
  readonly definition: EngineDatabase['definition'];
  /** While true, commits wait for {@link sync}. */
  holdDurability = false;
  durableOffset = 0n;
  offset = 0n;
  readonly failure = undefined;
  readonly variables = variablesSchema().definition;
  readonly connected = new Set<string>();
  readonly lines: LogLine[] = [];
  private readonly spec: MemorySpec;
  private readonly stored = new Map<string, Map<string, Row>>();
  private readonly commitListeners = new Set<(commit: Commit) => void>();
  private readonly durableListeners = new Set<(offset: bigint) => void>();

  constructor(owner: string, spec: MemorySpec) {
    this.owner = owner;
    this.spec = spec;
    const tables = Object.entries(spec.tables).map(([name, table], id): TableDefinition => {
      const names = Object.keys(table.columns);
      const index = (column: string, unique: boolean) => ({
        name: `${name}_${column}_idx_btree`,
        columns: [names.indexOf(column)],
        unique,
        algorithm: 'btree' as const,
      });
      return {
        kind: 'table',
        id,
        name,
        accessor: name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
        isPublic: table.isPublic ?? true,
        isEvent: table.isEvent ?? false,
        isAnonymous: false,
        columns: product(table.columns).elements.map((element) => ({
          name: element.name ?? '',
          accessor: element.name ?? '',
          type: element.algebraicType,
        })),
        rowType: product(table.columns),
        primaryKey: table.primaryKey === undefined ? [] : [names.indexOf(table.primaryKey)],
        indexes: [
          ...(table.indexes ?? []).map((column) => index(column, false)),
          ...(table.primaryKey === undefined ? [] : [index(table.primaryKey, true)]),
        ],
      };
    });
    const reducers = Object.entries(spec.reducers ?? {}).map(([name, { params }]): FunctionDefinition => {
      return { name, params: product(params), visibility: 'client-callable', lifecycle: undefined };
    });
    const moduleBytes = new TextEncoder().encode(JSON.stringify(Object.keys(spec.tables)));
    this.definition = {
      tables: new Map(tables.map((table) => [table.name, table])),
      reducers: new Map(reducers.map((reducer) => [reducer.name, reducer])),
      procedures: new Map(),
      routes: [],
      rowLevelSecurity: [],
      rowRules: readRowRules(spec.rules ?? [], new Map(tables.map((table) => [table.name, table]))),
      moduleHash: createHash('sha256').update(moduleBytes).digest('hex'),
      moduleBytes,
      raw: new Uint8Array(),
    };
  }

  connect(client: ClientConnection): void {
    const refusal = this.spec.onConnect?.(client);
    if (refusal !== undefined) throw new ClientRejected(refusal);
    this.connected.add(client.connectionId);
  }

  disconnect(connectionId: string): void {
    this.connected.delete(connectionId);
  }

  callReducer(name: string, args: Uint8Array, caller: CallerInfo): ReducerResult {
    const timestamp = 1n;
    const reducer = this.spec.reducers?.[name];
    const definition = this.definition.reducers.get(name);
    if (reducer === undefined || definition === undefined) {
      return { outcome: 'internal', timestamp, kind: 'no-such-reducer', message: `no such reducer ${name}` };
    }
    let values: readonly unknown[];
    try {
      values = decode(definition.params, args);
    } catch {
      return { outcome: 'internal', timestamp, kind: 'bad-arguments', message: 'bad arguments' };
    }
    try {
      this.transact((tx) => reducer.run(tx, caller, values), caller.request);
    } catch (error) {
      if (error instanceof SenderFailure) return { outcome: 'failed', timestamp, message: error.message };
      return { outcome: 'internal', timestamp, kind: 'trap', message: 'The instance encountered a fatal error.' };
    }
    return { outcome: 'committed', timestamp, offset: this.offset };
  }

  callHandler(): HandlerResult {
    return { outcome: 'internal', message: 'the memory database has no handlers' };
  }

  callProcedure(name: string): Promise<ProcedureResult> {
    const message = `no such procedure ${name}`;
    return Promise.resolve({
      outcome: 'internal',
      timestamp: 1n,
      durationMicros: 1n,
      kind: 'no-such-procedure',
      message,
    });
  }

  transact(run: (tx: Transaction) => void, request?: object): void {
    const before = new Map<string, Map<string, Row>>();
    const toChange = (name: string): Map<string, Row> => {
      const rows = this.rowsOf(name);
      if (!before.has(name)) before.set(name, new Map(rows));
      return rows;
    };
    const events = new Map<string, Row[]>();
    try {
      run({
        insert: (name, ...values) => {
          const table = this.table(name);
          const row = this.row(table, values);
          if (table.isEvent) events.set(name, [...(events.get(name) ?? []), row]);
          else toChange(name).set(key(row), row);
        },
        delete: (name, where) => {
          const rows = toChange(name);
          for (const [id, row] of rows) if (where(row.values)) rows.delete(id);
        },
      });
    } catch (error) {
      for (const [name, rows] of before) this.stored.set(name, rows);
      throw error;
    }
    const tables: TableChange[] = [...this.definition.tables.values()].flatMap((table) => {
      const old = before.get(table.name);
      if (old === undefined && !events.has(table.name)) return [];
      const current = this.rowsOf(table.name);
      const inserts = [...current].filter(([id]) => old?.has(id) === false).map(([, row]) => row);
      const deletes = [...(old ?? [])].filter(([id]) => !current.has(id)).map(([, row]) => row);
      const all = [...inserts, ...(events.get(table.name) ?? [])];
      return all.length + deletes.length === 0 ? [] : [{ table, inserts: all, deletes }];
    });
    if (tables.length === 0) return;
    this.offset += 1n;
    for (const listener of this.commitListeners) listener({ offset: this.offset, timestamp: 1n, request, tables });
    if (!this.holdDurability) this.sync();
  }

  /** Makes everything durable. */
  sync(): void {
    this.durableOffset = this.offset;
    for (const listener of this.durableListeners) listener(this.offset);
  }

  rows(table: TableDefinition): Iterable<Row> {
    return this.rowsOf(table.name).values();
  }

  rowsByColumn(table: TableDefinition, column: number, bytes: Uint8Array): Iterable<Row> | undefined {
    const type = table.columns[column]?.type;
    if (type === undefined || !table.indexes.some((index) => index.columns[0] === column)) return undefined;
    const wanted = Buffer.from(bytes).toString('hex');
    return [...this.rows(table)].filter(
      (row) => Buffer.from(encode(type, row.values[column])).toString('hex') === wanted,
    );
  }

  rowCount(table: TableDefinition): number {
    return this.rowsOf(table.name).size;
  }

  distinctKeys(table: TableDefinition, columns: readonly number[]): number | undefined {
    if (!table.indexes.some((index) => index.columns.join() === columns.join())) return undefined;
    return new Set([...this.rows(table)].map(({ values }) => columns.map((column) => String(values[column])).join()))
      .size;
  }

  reservations(): ReadonlyMap<string, bigint> {
    return new Map();
  }

  holdView(): () => void {
    throw new Error('The memory database has no views.');
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.commitListeners.add(listener);
    return () => this.commitListeners.delete(listener);
  }

  onDurable(listener: (offset: bigint) => void): () => void {
    this.durableListeners.add(listener);
    return () => this.durableListeners.delete(listener);
  }

  write(): string {
    return 'The memory database is not changed by SQL.';
  }

  connections(): readonly ClientConnection[] {
    return [];
  }

  image(): never {
    throw new Error('The memory database has no image.');
  }

  onLog(): () => void {
    return () => undefined;
  }

  logs(limit: number): readonly LogLine[] {
    return this.lines.slice(-limit);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private table(name: string): TableDefinition {
    const table = this.definition.tables.get(name);
    if (table === undefined) throw new Error(`no table ${name}`);
    return table;
  }

  private rowsOf(name: string): Map<string, Row> {
    const rows = this.stored.get(name) ?? new Map<string, Row>();
    this.stored.set(name, rows);
    return rows;
  }

  private row(table: TableDefinition, values: readonly unknown[]): Row {
    const object = Object.fromEntries(table.columns.map((column, index) => [column.name, values[index]]));
    return { bytes: encode(AlgebraicType.Product(table.rowType), object), values };
  }
}

export function encode(type: AlgebraicType, value: unknown): Uint8Array {
  const writer = new BinaryWriter(64);
  AlgebraicType.makeSerializer(type)(writer, value);
  return writer.getBuffer().slice();
}

function decode(params: ProductType, args: Uint8Array): readonly unknown[] {
  const value: Record<string, unknown> = ProductType.makeDeserializer(params)(new BinaryReader(args));
  return params.elements.map((element) => value[element.name ?? '']);
}

function key(row: Row): string {
  return Buffer.from(row.bytes).toString('hex');
}
