import type { AlgebraicType, ProductType } from 'spacetimedb';
import type { Select } from '../sql/ast.ts';
import type { ClientConnection } from './client-connection.ts';
import type { StateImage } from './commit-log.ts';
import type { ModuleHttpRequest, ModuleHttpResponse } from './http-codec.ts';

/**
 * The face that the engine (datastore, module realm, commit log, scheduler) shows to the server (SQL, subscriptions,
 * HTTP, websocket). Everything here is synchronous unless it says otherwise: one JavaScript thread is the single writer.
 */
export interface EngineDatabase {
  /** 64 lowercase hex digits, most significant byte first. */
  readonly identity: string;
  /** Who may see private tables, publish and read logs. Hex as above. */
  readonly owner: string;
  readonly definition: DatabaseDefinition;

  /**
   * Runs the connect lifecycle in one transaction, for a websocket and for each HTTP call alike.
   * @throws {ClientRejected} when the module's `client_connected` throws; nothing is left behind.
   */
  connect(client: ClientConnection): void;
  /** Runs the disconnect lifecycle. Never throws; a second call does nothing. */
  disconnect(connectionId: string): void;

  /** Runs a client-callable reducer. Commit listeners have all been called when this returns. */
  callReducer(name: string, args: Uint8Array, caller: CallerInfo): ReducerResult;
  /** Runs a procedure; its transactions commit (and reach commit listeners) while it runs. */
  callProcedure(name: string, args: Uint8Array, caller: CallerInfo): Promise<ProcedureResult>;

  /** Lets a handler of the module answer a request; its transactions commit while it runs. */
  callHandler(handler: number, request: ModuleHttpRequest, body: Uint8Array): HandlerResult;

  /**
   * Committed rows of a table, or of a view that is materialised for `arg`. Event tables are always empty.
   * @throws {EngineError} `view_not_held` for a view that nobody holds with that argument.
   */
  rows(table: TableDefinition, arg?: ViewArgument): Iterable<Row>;
  /** How many rows {@link rows} gives. */
  rowCount(table: TableDefinition, arg?: ViewArgument): number;
  /** How many different values the columns of an index have; undefined where no index is over exactly these. */
  distinctKeys(table: TableDefinition, columns: readonly number[]): number | undefined;
  /** Committed rows whose column equals the BSATN of a value, by an index where there is one, else undefined. */
  rowsByColumn(table: TableDefinition, column: number, key: Uint8Array): Iterable<Row> | undefined;

  /**
   * Keeps a view materialised while at least one holder wants it. Call the returned function once to let go.
   * @throws {EngineError} `view_failed` when the view throws, or gives a query that cannot be run.
   */
  holdView(view: TableDefinition, arg: ViewArgument): () => void;

  /**
   * Changes rows in a transaction of its own, outside of the module: deletes first. Generated columns are filled in.
   * Gives the reason when it is refused; then nothing is changed.
   */
  write(table: TableDefinition, inserts: readonly Uint8Array[], deletes: readonly Row[]): string | undefined;
  /** Who is connected. */
  connections(): readonly ClientConnection[];
  /** The table `st_var`: the system variables that the owner has set. It is not among the tables of the module. */
  readonly variables: TableDefinition;
  /** The value behind the last one that is reserved, of each sequence, by `table.column`. */
  reservations(): ReadonlyMap<string, bigint>;

  /** Called synchronously, in commit order, for every transaction that changed a table, an event table or a held view. */
  onCommit(listener: (commit: Commit) => void): () => void;
  /** The newest commit, also one that changed no table. */
  readonly offset: bigint;
  /** Highest commit offset that is on disk (fsync). */
  readonly durableOffset: bigint;
  /** Called when `durableOffset` moves, and once when it will not move any more: see {@link failure}. */
  onDurable(listener: (offset: bigint) => void): () => void;

  /** Log lines of the module, newest last, bounded. */
  logs(limit: number): readonly LogLine[];
  /** Called for every line from here on, while the module runs: it must not call the database. */
  onLog(listener: (line: LogLine) => void): () => void;
  /**
   * Set when the log could not be written: from then on every call is refused, and `durableOffset` stands still.
   */
  readonly failure: Error | undefined;

  /** The whole state, also after {@link close}: what another module goes on with. */
  image(): StateImage;

  /** Flushes the log and stops timers. */
  close(): Promise<void>;
}

/** 'anonymous' for shared views, otherwise the hex identity of the viewer. */
export type ViewArgument = string;

export interface CallerInfo {
  readonly identity: string;
  /** 32 hex digits; undefined for calls without a connection. */
  readonly connectionId: string | undefined;
  /** Given back in `Commit.request`, so that the server can put the caller's own changes into its ReducerResult. */
  readonly request?: object;
}

export type ReducerResult =
  | { readonly outcome: 'committed'; readonly timestamp: bigint; readonly offset: bigint }
  /** The module threw SenderError. */
  | { readonly outcome: 'failed'; readonly timestamp: bigint; readonly message: string }
  /** Anything else: unknown name, bad arguments, a trap, a private reducer. `kind` picks the HTTP status. */
  | {
      readonly outcome: 'internal';
      readonly timestamp: bigint;
      readonly kind: 'no-such-reducer' | 'bad-arguments' | 'not-callable' | 'trap';
      readonly message: string;
    };

export type ProcedureResult =
  | {
      readonly outcome: 'returned';
      readonly timestamp: bigint;
      readonly durationMicros: bigint;
      readonly value: Uint8Array;
      /** Offset of its last transaction; undefined when it committed none. Confirmed readers wait for it. */
      readonly offset: bigint | undefined;
    }
  | {
      readonly outcome: 'internal';
      readonly timestamp: bigint;
      readonly durationMicros: bigint;
      readonly kind: 'no-such-procedure' | 'bad-arguments' | 'trap';
      readonly message: string;
    };

/** A row as it stands on the wire. Rows are equal when their bytes are. */
export interface Row {
  readonly bytes: Uint8Array;
  /** Decoded column values in column order, by the public types of `spacetimedb`; decoded once, on first use. */
  readonly values: readonly unknown[];
}

export interface Commit {
  /** Rising from 1. Transactions that changed no table (a connect, say) have offsets too, but are not reported. */
  readonly offset: bigint;
  /** Microseconds since the Unix epoch. */
  readonly timestamp: bigint;
  readonly request: object | undefined;
  readonly tables: readonly TableChange[];
}

export interface TableChange {
  readonly table: TableDefinition;
  /** Set for views. */
  readonly arg?: ViewArgument;
  /** Net changes. For an event table `inserts` are the events and `deletes` is empty. */
  readonly inserts: readonly Row[];
  readonly deletes: readonly Row[];
}

export interface DatabaseDefinition {
  /** Tables and views by canonical name. */
  readonly tables: ReadonlyMap<string, TableDefinition>;
  readonly reducers: ReadonlyMap<string, FunctionDefinition>;
  readonly procedures: ReadonlyMap<string, FunctionDefinition & { readonly returns: AlgebraicType }>;
  readonly routes: readonly RouteDefinition[];
  /** Row-level rules as the module wrote them, already checked to be of a supported form. */
  readonly rowLevelSecurity: readonly string[];
  /** The same rules, read, by canonical table name: a reader who is not the owner gets the rows of each of them. */
  readonly rowRules: ReadonlyMap<string, readonly Select[]>;
  /** Keccak-256 of the module bytes, hex, as upstream names a program. */
  readonly moduleHash: string;
  readonly moduleBytes: Uint8Array;
  /** The raw module definition as the module describes it (BSATN). */
  readonly raw: Uint8Array;
}

export interface TableDefinition {
  readonly kind: 'table' | 'view';
  readonly id: number;
  /** Canonical name: the one on the wire. */
  readonly name: string;
  /** The name in the module's source; accepted in SQL too. */
  readonly accessor: string;
  readonly isPublic: boolean;
  readonly isEvent: boolean;
  /** Views only. */
  readonly isAnonymous: boolean;
  readonly columns: readonly ColumnDefinition[];
  readonly rowType: ProductType;
  readonly primaryKey: readonly number[];
  readonly indexes: readonly IndexDefinition[];
}

export interface IndexDefinition {
  readonly name: string;
  readonly columns: readonly number[];
  readonly unique: boolean;
  readonly algorithm: 'btree' | 'hash' | 'direct';
}

export interface ColumnDefinition {
  readonly name: string;
  readonly accessor: string;
  readonly type: AlgebraicType;
}

export interface FunctionDefinition {
  readonly name: string;
  readonly params: ProductType;
  readonly visibility: 'private' | 'client-callable';
  readonly lifecycle: 'init' | 'on-connect' | 'on-disconnect' | undefined;
}

/** A route of the module's own, under which one of its HTTP handlers answers. */
export interface RouteDefinition {
  /** The number of the handler in the module. */
  readonly handler: number;
  /** Undefined answers every method. */
  readonly method: string | undefined;
  /** Empty, or it begins with a slash. */
  readonly path: string;
}

/** What a handler of the module answered. */
export type HandlerResult =
  | { readonly outcome: 'answered'; readonly response: ModuleHttpResponse; readonly body: Uint8Array }
  | { readonly outcome: 'internal'; readonly message: string };

export interface LogLine {
  /** Microseconds since the Unix epoch. */
  readonly ts: bigint;
  readonly level: 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'panic';
  readonly message: string;
}

/** The module refused a connection. `message` is what its `client_connected` said. */
export class ClientRejected extends Error {
  override readonly name = 'ClientRejected';
}
