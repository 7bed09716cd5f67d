import { Buffer } from 'node:buffer';
import { BsatnFault } from './bsatn-walk.ts';
import type { ActiveCall } from './call-session.ts';
import { CallSession } from './call-session.ts';
import type { ClientConnection } from './client-connection.ts';
import type { CommitLog, LogRecord, ModuleMark, StateImage } from './commit-log.ts';
import type { CommittedState } from './committed-state.ts';
import type {
  CallerInfo,
  Commit,
  DatabaseDefinition,
  EngineDatabase,
  HandlerResult,
  LogLine,
  ProcedureResult,
  ReducerResult,
  Row,
  TableChange,
  TableDefinition,
  ViewArgument,
} from './database.ts';
import { ClientRejected } from './database.ts';
import { distinctKeys } from './distinct-keys.ts';
import { EngineError } from './errors.ts';
import { HeldViews } from './held-views.ts';
import { type ModuleHttpClient, type ModuleHttpRequest, readHttpResponse, writeHttpRequest } from './http-codec.ts';
import { ModuleLogs } from './module-logs.ts';
import { type CallOutcome, ModuleRunner } from './module-runner.ts';
import type { FunctionSchema, IndexSchema, ModuleSchema } from './module-schema.ts';
import type { ModuleScript } from './module-script.ts';
import type { OpenDatabaseOptions } from './open-database-options.ts';
import { prepareRow } from './prepare-row.ts';
import { type ModuleHooks, messageOf } from './realm.ts';
import { pointRange } from './scan-bounds.ts';
import { type ScheduleEntry, ScheduleQueue } from './schedule-queue.ts';
import { readSchedule } from './schedule-time.ts';
import type { StoredRow } from './stored-row.ts';
import { SysError } from './sys-error.ts';
import { columnStarts, type TableStore } from './table-store.ts';
import { Transaction } from './transaction.ts';

/** What clients read when a module traps; the details are in the log of the module. */
const fatalMessage = 'The instance encountered a fatal error.';

/** Who calls a function of the module. */
interface Caller {
  readonly identity: bigint;
  readonly connection: bigint;
}

/** What a transaction commits besides its rows. */
interface CommitExtras {
  readonly request?: object | undefined;
  readonly connected?: ClientConnection;
  readonly disconnected?: string;
  readonly module?: ModuleMark;
}

const noConnection = 0n;

/** The single writer: runs the module, commits, tells listeners, and hands records to the log. */
export class Engine implements EngineDatabase {
  readonly identity: string;
  readonly owner: string;
  readonly definition: DatabaseDefinition;
  readonly #options: OpenDatabaseOptions;
  readonly #schema: ModuleSchema;
  readonly #state: CommittedState;
  readonly #log: CommitLog;
  readonly #logs: ModuleLogs;
  readonly #runner: ModuleRunner;
  readonly #views: HeldViews;
  readonly #schedule: ScheduleQueue;
  readonly #listeners = new Set<(commit: Commit) => void>();
  /** The client whose connect is running. */
  #connecting: ClientConnection | undefined;
  #busy = false;
  #closed = false;

  constructor(
    options: OpenDatabaseOptions,
    schema: ModuleSchema,
    script: ModuleScript,
    state: CommittedState,
    log: CommitLog,
    viewSeed: number,
  ) {
    const { ports } = options;
    this.#options = options;
    this.identity = options.databaseIdentity;
    this.owner = options.owner;
    this.definition = schema.definition;
    this.#schema = schema;
    this.#state = state;
    this.#log = log;
    this.#schedule = new ScheduleQueue(ports, (entry) => this.#runScheduled(entry));
    this.#logs = new ModuleLogs(() => this.#schedule.now());
    const session = new CallSession({
      schema,
      stores: state.stores,
      sequences: state.sequences,
      databaseIdentity: BigInt(`0x${this.identity}`),
      monotonic: () => ports.clock.monotonic(),
      jwtPayload: (connection) => this.#jwtPayload(connection),
      log: (level, message) => this.#logs.add(level, message),
      scheduleImmediate: (name, args) => this.#scheduleImmediate(name, args),
      http: options.moduleHttp ?? refuseHttp,
      shuffle: (rows) => (options.fidelity?.shuffleScans === true ? this.#shuffle(rows) : rows),
    });
    this.#runner = new ModuleRunner(script, session, options.fidelity?.freshRealmPerCalls);
    const now = () => this.#schedule.now();
    this.#views = new HeldViews(this.#runner, now, schema.definition, state.stores, this.owner, viewSeed);
  }

  get offset(): bigint {
    return this.#state.offset;
  }

  get durableOffset(): bigint {
    return this.#log.durableOffset;
  }

  get failure(): Error | undefined {
    return this.#log.failure;
  }

  /** The commit that creates the database. @throws {EngineError} `init_failed`. */
  create(module: ModuleMark): void {
    this.#exclusively(() => {
      const timestamp = this.#schedule.now();
      const tx = new Transaction();
      const { init } = this.#schema.lifecycle;
      if (init !== undefined) {
        const caller = { identity: BigInt(`0x${this.owner}`), connection: noConnection };
        const outcome = this.#runReducer(init, new Uint8Array(), caller, tx, timestamp);
        if (outcome.ended !== 'returned') {
          throw new EngineError('init_failed', `The init reducer failed: ${textOf(outcome)}`);
        }
      }
      this.#commit(tx, timestamp, { module });
    });
  }

  /** Notes that another module, whose tables are the same, has taken over. */
  replaceModule(module: ModuleMark): void {
    this.#exclusively(() => this.#commit(new Transaction(), this.#schedule.now(), { module }));
  }

  /** Ends what an unclean stop left open, and starts the schedules. */
  start(): void {
    for (const id of [...this.#state.clients.keys()]) this.disconnect(id);
    for (const store of this.#state.stores) this.#schedule.track(store, store.rows, []);
    this.#schedule.arm();
  }

  /** Notes what is not of the module, for its owner. */
  warn(message: string): void {
    this.#logs.add('warn', message);
  }

  connect(client: ClientConnection): void {
    this.#exclusively(() => {
      if (this.#state.clients.has(client.connectionId)) {
        throw new ClientRejected(`The connection id ${client.connectionId} is in use.`);
      }
      const timestamp = this.#schedule.now();
      const tx = new Transaction();
      const reducer = this.#schema.lifecycle['on-connect'];
      this.#connecting = client;
      try {
        if (reducer !== undefined) {
          const outcome = this.#runReducer(reducer, new Uint8Array(), callerOf(client), tx, timestamp);
          if (outcome.ended !== 'returned') {
            throw new ClientRejected(outcome.ended === 'trap' ? fatalMessage : outcome.message);
          }
        }
        try {
          this.#commit(tx, timestamp, { connected: client });
        } catch (cause) {
          if (!(cause instanceof EngineError)) throw cause;
          this.#logs.add('error', cause.message);
          throw new ClientRejected(fatalMessage);
        }
      } finally {
        this.#connecting = undefined;
      }
    });
  }

  disconnect(connectionId: string): void {
    const client = this.#state.clients.get(connectionId);
    if (client === undefined || this.#closed || this.failure !== undefined) return;
    if (this.#busy) {
      // A listener drops a client: its turn comes when the running call is over.
      this.#options.ports.scheduler.after(0, () => this.disconnect(connectionId));
      return;
    }
    this.#exclusively(() => {
      const timestamp = this.#schedule.now();
      const reducer = this.#schema.lifecycle['on-disconnect'];
      if (reducer !== undefined) {
        const tx = new Transaction();
        const outcome = this.#runReducer(reducer, new Uint8Array(), callerOf(client), tx, timestamp);
        if (outcome.ended === 'returned' && this.#tryCommit(tx, timestamp, { disconnected: connectionId })) return;
        if (outcome.ended === 'sender-error') {
          this.#logs.add('error', `${reducer.definition.name} failed: ${outcome.message}`);
        }
      }
      // The client is gone, whatever the module says about it.
      this.#commit(new Transaction(), timestamp, { disconnected: connectionId });
    });
  }

  callReducer(name: string, args: Uint8Array, caller: CallerInfo): ReducerResult {
    return this.#exclusively(() => {
      const timestamp = this.#schedule.now();
      const internal = (
        kind: 'no-such-reducer' | 'bad-arguments' | 'not-callable' | 'trap',
        message: string,
      ): ReducerResult => ({ outcome: 'internal', timestamp, kind, message });
      const reducer = this.#schema.functions.get(name);
      if (reducer?.kind !== 'reducer') return internal('no-such-reducer', `There is no reducer "${name}".`);
      if (reducer.definition.lifecycle !== undefined) {
        return internal('not-callable', `The reducer "${name}" is a lifecycle reducer: it cannot be called.`);
      }
      if (!this.#mayCall(reducer, caller)) return internal('no-such-reducer', `There is no reducer "${name}".`);
      const bad = argumentFault(reducer, args);
      if (bad !== undefined) return internal('bad-arguments', `The arguments of "${name}" are invalid: ${bad}.`);
      const tx = new Transaction();
      const outcome = this.#runReducer(reducer, args, readCaller(caller), tx, timestamp);
      if (outcome.ended === 'sender-error') return { outcome: 'failed', timestamp, message: outcome.message };
      if (outcome.ended === 'trap') return internal('trap', fatalMessage);
      if (!this.#tryCommit(tx, timestamp, { request: caller.request })) return internal('trap', fatalMessage);
      return { outcome: 'committed', timestamp, offset: this.#state.offset };
    });
  }

  async callProcedure(name: string, args: Uint8Array, caller: CallerInfo): Promise<ProcedureResult> {
    return this.#exclusively(() => {
      const timestamp = this.#schedule.now();
      const startedAt = this.#options.ports.clock.monotonic();
      const duration = (): bigint =>
        BigInt(Math.max(0, Math.round((this.#options.ports.clock.monotonic() - startedAt) * 1000)));
      const internal = (kind: 'no-such-procedure' | 'bad-arguments' | 'trap', message: string): ProcedureResult => ({
        outcome: 'internal',
        timestamp,
        durationMicros: duration(),
        kind,
        message,
      });
      const procedure = this.#schema.functions.get(name);
      if (procedure?.kind !== 'procedure' || !this.#mayCall(procedure, caller)) {
        return internal('no-such-procedure', `There is no procedure "${name}".`);
      }
      const bad = argumentFault(procedure, args);
      if (bad !== undefined) return internal('bad-arguments', `The arguments of "${name}" are invalid: ${bad}.`);
      const { outcome, offset } = this.#runProcedure(procedure, args, readCaller(caller), timestamp, caller.request);
      if (outcome.ended !== 'returned') {
        return internal('trap', outcome.ended === 'trap' ? fatalMessage : outcome.message);
      }
      return { outcome: 'returned', timestamp, durationMicros: duration(), value: outcome.value, offset };
    });
  }

  callHandler(handler: number, request: ModuleHttpRequest, body: Uint8Array): HandlerResult {
    return this.#exclusively(() => {
      const timestamp = this.#schedule.now();
      const { outcome } = this.#runTransacting('http handler', timestamp, undefined, (hooks) => {
        const answer = hooks.__call_http_handler__?.(
          handler,
          timestamp,
          writeHttpRequest(request),
          Uint8Array.from(body),
        );
        if (answer === undefined) throw new Error('the module answers no HTTP requests');
        // Copies: the memory belongs to the module.
        return [Uint8Array.from(answer[0]), bytesOf(answer[1])] as const;
      });
      if (outcome.ended === 'sender-error') this.#logs.add('error', `http handler: ${outcome.message}`);
      if (outcome.ended !== 'returned') return { outcome: 'internal', message: fatalMessage };
      const [response, answered] = outcome.value;
      return { outcome: 'answered', response: readHttpResponse(response), body: answered };
    });
  }

  rows(table: TableDefinition, arg?: ViewArgument): Iterable<Row> {
    if (table.kind === 'table') return this.#store(table).rows;
    return this.#views.rows(this.#view(table), arg ?? 'anonymous');
  }

  rowCount(table: TableDefinition, arg?: ViewArgument): number {
    if (table.kind === 'table') return this.#store(table).rows.size;
    return this.#views.rows(this.#view(table), arg ?? 'anonymous').size;
  }

  distinctKeys(table: TableDefinition, columns: readonly number[]): number | undefined {
    return table.kind === 'table' ? distinctKeys(this.#store(table), columns) : undefined;
  }

  rowsByColumn(table: TableDefinition, column: number, key: Uint8Array): Iterable<Row> | undefined {
    if (table.kind !== 'table') return undefined;
    const store = this.#store(table);
    const index = store.schema.indexes.find(
      (candidate) => candidate.columns[0] === column && (candidate.ranges || candidate.columns.length === 1),
    );
    if (index === undefined) return undefined;
    const { from, to } = pointRange(index, key, 1);
    // Collected: the tree must not change under a reader.
    return [...(store.trees[index.position]?.range(from, to) ?? [])];
  }

  holdView(view: TableDefinition, arg: ViewArgument): () => void {
    return this.#exclusively(() => this.#views.hold(this.#view(view), arg, new Transaction()));
  }

  write(table: TableDefinition, inserts: readonly Uint8Array[], deletes: readonly Row[]): string | undefined {
    return this.#exclusively(() => {
      const store = this.#store(table);
      const timestamp = this.#schedule.now();
      const tx = new Transaction();
      try {
        for (const { bytes } of deletes) {
          const row = tx.find(store, Buffer.from(bytes));
          if (row !== undefined) tx.delete(store, row);
        }
        for (const bytes of inserts) {
          tx.insert(store, prepareRow(store, this.#state.sequences, Buffer.from(bytes), timestamp).row);
        }
      } catch (refusal) {
        if (refusal instanceof SysError) return `${refusal.message} (table ${table.name}).`;
        throw refusal;
      }
      return this.#tryCommit(tx, timestamp, {}) ? undefined : 'A view failed; see the log of the module.';
    });
  }

  connections(): readonly ClientConnection[] {
    return [...this.#state.clients.values()];
  }

  get variables(): TableDefinition {
    return this.#state.variables.schema.definition;
  }

  reservations(): ReadonlyMap<string, bigint> {
    return new Map(this.#state.sequences.all().map(({ name, reserved }) => [name, reserved]));
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onDurable(listener: (offset: bigint) => void): () => void {
    return this.#log.onDurable(listener);
  }

  logs(limit: number): readonly LogLine[] {
    return this.#logs.last(limit);
  }

  onLog(listener: (line: LogLine) => void): () => void {
    return this.#logs.onLine(listener);
  }

  image(): StateImage {
    const { definition, shape } = this.#schema;
    const mark = this.#state.module ?? { hash: definition.moduleHash, shape };
    return this.#state.image(mark, this.#state.sequences.exact());
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#schedule.stop();
    this.#listeners.clear();
    await this.#log.close();
  }

  #mayCall({ definition }: FunctionSchema, caller: CallerInfo): boolean {
    if (definition.visibility === 'client-callable') return true;
    return definition.lifecycle === undefined && caller.identity === this.owner;
  }

  #runReducer(
    reducer: FunctionSchema,
    args: Uint8Array,
    caller: Caller,
    tx: Transaction,
    timestamp: bigint,
  ): CallOutcome<undefined> {
    const call: ActiveCall = { kind: 'reducer', tx, timestamp, fault: undefined, iterators: new Map() };
    const view = new DataView(args.buffer, args.byteOffset, args.byteLength);
    const outcome = this.#runner.call(call, (hooks) =>
      hooks.__call_reducer__(reducer.id, caller.identity, caller.connection, timestamp, view),
    );
    if (outcome.ended === 'trap') this.#logs.add('error', `${reducer.definition.name}: ${outcome.detail}`);
    return outcome;
  }

  #runProcedure(
    procedure: FunctionSchema,
    args: Uint8Array,
    caller: Caller,
    timestamp: bigint,
    request?: object,
  ): { readonly outcome: CallOutcome<Uint8Array>; readonly offset: bigint | undefined } {
    return this.#runTransacting(procedure.definition.name, timestamp, request, (hooks) =>
      // A copy: the memory belongs to the module.
      Uint8Array.from(
        hooks.__call_procedure__(procedure.id, caller.identity, caller.connection, timestamp, Uint8Array.from(args)),
      ),
    );
  }

  /** Runs what makes transactions of its own. */
  #runTransacting<T>(
    name: string,
    timestamp: bigint,
    request: object | undefined,
    body: (hooks: ModuleHooks) => T,
  ): { readonly outcome: CallOutcome<T>; readonly offset: bigint | undefined } {
    let offset: bigint | undefined;
    const transactions = {
      start: () => this.#schedule.now(),
      commit: (tx: Transaction) => {
        this.#commit(tx, call.timestamp, { request });
        offset = this.#state.offset;
      },
    };
    const call: ActiveCall = {
      kind: 'procedure',
      tx: undefined,
      timestamp,
      transactions,
      fault: undefined,
      iterators: new Map(),
    };
    const outcome = this.#runner.call(call, body);
    if (outcome.ended === 'trap') this.#logs.add('error', `${name}: ${outcome.detail}`);
    return { outcome, offset };
  }

  /** Commits, unless a view fails: that fails the transaction. */
  #tryCommit(tx: Transaction, timestamp: bigint, extras: CommitExtras): boolean {
    try {
      this.#commit(tx, timestamp, extras);
      return true;
    } catch (cause) {
      if (!(cause instanceof EngineError)) throw cause;
      this.#logs.add('error', cause.message);
      return false;
    }
  }

  /** @throws {EngineError} when a held view fails; then nothing is committed. */
  #commit(tx: Transaction, timestamp: bigint, extras: CommitExtras): void {
    const { request, connected, disconnected, module } = extras;
    const changes = tx.changes();
    if (changes.length === 0 && connected === undefined && disconnected === undefined && module === undefined) return;
    const refreshes = this.#views.refresh(changes, tx);

    // Nothing below fails: from here on it is committed.
    const state = this.#state;
    state.apply(changes);
    this.#views.apply(refreshes);
    state.offset += 1n;
    if (module !== undefined) state.module = module;
    if (connected !== undefined) state.clients.set(connected.connectionId, connected);
    if (disconnected !== undefined) state.clients.delete(disconnected);
    const record: LogRecord = {
      offset: state.offset,
      timestamp,
      tables: changes
        .filter(({ store }) => !store.schema.definition.isEvent)
        .map(({ store, inserts, deletes }) => ({
          name: store.schema.definition.name,
          inserts: inserts.map((row) => row.bytes),
          deletes: deletes.map((row) => row.bytes),
        })),
      sequences: state.sequences.takeUnlogged(),
      connected: connected === undefined ? [] : [connected],
      disconnected: disconnected === undefined ? [] : [disconnected],
      module,
    };
    this.#log.append(record);
    for (const { store, inserts, deletes } of changes) {
      if (store.schema.schedule !== undefined) this.#schedule.track(store, inserts, deletes);
    }
    this.#schedule.arm();

    const tables: TableChange[] = changes.map(({ store, inserts, deletes }) => ({
      table: store.schema.definition,
      inserts,
      deletes: store.schema.definition.isEvent ? [] : deletes,
    }));
    for (const { change } of refreshes) if (change !== undefined) tables.push(change);
    if (tables.length > 0) this.#tell({ offset: state.offset, timestamp, request, tables });
  }

  #tell(commit: Commit): void {
    const failures: unknown[] = [];
    for (const listener of [...this.#listeners]) {
      try {
        listener(commit);
      } catch (failure) {
        failures.push(failure);
      }
    }
    // The commit stands, and everybody has been told; a broken listener is still not kept quiet.
    if (failures.length > 0) throw failures[0];
  }

  #runScheduled(entry: ScheduleEntry): void {
    if (this.#closed || this.failure !== undefined) return;
    const { store } = entry;
    const { schedule } = store.schema;
    const target = schedule === undefined ? undefined : this.#schema.functions.get(schedule.functionName);
    const row = this.#scheduledRow(entry);
    if (target === undefined || row === undefined) return;
    const now = this.#schedule.now();
    // biome-ignore lint/complexity/useMathMinMax: these are bigints, which Math.max does not take.
    const timestamp = now > entry.due ? now : entry.due;
    const caller = { identity: BigInt(`0x${this.identity}`), connection: noConnection };
    const once = wishOf(store, row)?.kind === 'time';
    this.#exclusively(() => {
      if (target.kind === 'procedure') {
        // A procedure may commit many times: the row must be gone before, or a crash would run it again.
        if (once) this.#deleteRow(store, row, timestamp);
        const { outcome } = this.#runProcedure(target, row.bytes, caller, timestamp);
        if (outcome.ended === 'sender-error') this.#logs.add('error', `${target.definition.name}: ${outcome.message}`);
      } else {
        const tx = new Transaction();
        const outcome = this.#runReducer(target, row.bytes, caller, tx, timestamp);
        if (outcome.ended === 'sender-error') this.#logs.add('error', `${target.definition.name}: ${outcome.message}`);
        if (outcome.ended === 'returned') this.#tryCommit(tx, timestamp, {});
      }
      const after = this.#scheduledRow(entry);
      const wish = after === undefined ? undefined : wishOf(store, after);
      if (after === undefined || wish === undefined) return;
      if (wish.kind === 'time') {
        // Also when the reducer failed: a one-shot schedule is never tried again.
        if (target.kind === 'reducer') this.#deleteRow(store, after, timestamp);
      } else if (this.#schedule.isCurrent(entry)) {
        this.#schedule.repeat(entry, wish.interval);
      }
    });
  }

  #deleteRow(store: TableStore, row: StoredRow, timestamp: bigint): void {
    const tx = new Transaction();
    tx.delete(store, row);
    if (!this.#tryCommit(tx, timestamp, {})) this.#logs.add('error', 'A schedule row could not be removed.');
  }

  #scheduledRow({ store, id }: ScheduleEntry): StoredRow | undefined {
    const [key] = store.schema.definition.primaryKey;
    const index = store.schema.uniqueIndexes.find((candidate: IndexSchema) => candidate.columns.join() === String(key));
    if (index === undefined) return undefined;
    const { from, to } = pointRange(index, Buffer.from(id, 'hex'));
    for (const row of store.trees[index.position]?.range(from, to) ?? []) return row;
    return undefined;
  }

  #scheduleImmediate(name: string, args: Uint8Array): void {
    this.#options.ports.scheduler.after(0, () => {
      const target = this.#schema.functions.get(name);
      if (this.#closed || this.failure !== undefined || target?.kind !== 'reducer') return;
      if (argumentFault(target, args) !== undefined) return;
      this.#exclusively(() => {
        const timestamp = this.#schedule.now();
        const tx = new Transaction();
        const caller = { identity: BigInt(`0x${this.identity}`), connection: noConnection };
        const outcome = this.#runReducer(target, args, caller, tx, timestamp);
        if (outcome.ended === 'returned') this.#tryCommit(tx, timestamp, {});
      });
    });
  }

  #jwtPayload(connection: bigint): string | undefined {
    const id = connection.toString(16).padStart(32, '0');
    if (this.#connecting?.connectionId === id) return this.#connecting.jwtPayload;
    return this.#state.clients.get(id)?.jwtPayload;
  }

  #store(table: TableDefinition): TableStore {
    if (table === this.variables) return this.#state.variables;
    const store = this.#state.stores[table.id - 1];
    if (store?.schema.definition !== table) throw new TypeError(`"${table.name}" is not a table of this database`);
    return store;
  }

  #view(table: TableDefinition): ModuleSchema['views'][number] {
    const view = this.#schema.views.find(({ definition }) => definition === table);
    if (view === undefined) throw new TypeError(`"${table.name}" is not a view of this database`);
    return view;
  }

  #shuffle(rows: StoredRow[]): StoredRow[] {
    const { random } = this.#options.ports;
    for (let index = rows.length - 1; index > 0; index -= 1) {
      const other = Math.floor(random.next() * (index + 1));
      [rows[index], rows[other]] = [rows[other] as StoredRow, rows[index] as StoredRow];
    }
    return rows;
  }

  /** One call at a time; the thread sees to that, except for listeners that call back. */
  #exclusively<T>(body: () => T): T {
    if (this.#closed) throw new EngineError('closed', 'The database is closed.');
    if (this.failure !== undefined) {
      throw new EngineError('data_dir_unusable', `The log cannot be written: ${messageOf(this.failure)}`, {
        cause: this.failure,
      });
    }
    if (this.#busy) throw new EngineError('reentrant_call', 'The database was called out of a commit listener.');
    this.#busy = true;
    try {
      return body();
    } finally {
      this.#busy = false;
    }
  }
}

const refuseHttp: ModuleHttpClient = () => {
  throw new Error('This host makes no HTTP requests for modules: start it with moduleHttp.');
};

/** The body of an answer: the module may give it as text. */
function bytesOf(body: Uint8Array | string): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body) : Uint8Array.from(body);
}

function argumentFault({ walks }: FunctionSchema, args: Uint8Array): string | undefined {
  try {
    columnStarts({ walks }, args);
    return undefined;
  } catch (fault) {
    if (fault instanceof BsatnFault) return fault.message;
    throw fault;
  }
}

function wishOf(store: TableStore, row: StoredRow): ReturnType<typeof readSchedule> {
  return readSchedule(store.schema, row.bytes, columnStarts(store.schema, row.bytes));
}

function callerOf(client: ClientConnection): Caller {
  return { identity: BigInt(`0x${client.identity}`), connection: BigInt(`0x${client.connectionId}`) };
}

function readCaller({ identity, connectionId }: CallerInfo): Caller {
  return {
    identity: BigInt(`0x${identity}`),
    connection: connectionId === undefined ? noConnection : BigInt(`0x${connectionId}`),
  };
}

function textOf(outcome: Exclude<CallOutcome<unknown>, { readonly ended: 'returned' }>): string {
  return outcome.ended === 'trap' ? outcome.detail : outcome.message;
}
