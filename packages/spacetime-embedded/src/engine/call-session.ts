import type { LogLine } from './database.ts';
import type { ModuleHttpClient } from './http-codec.ts';
import type { ModuleSchema } from './module-schema.ts';
import type { Sequences } from './sequences.ts';
import type { StoredRow } from './stored-row.ts';
import type { TableStore } from './table-store.ts';
import type { Transaction } from './transaction.ts';

/** What the system functions need of the database. */
export interface SysHost {
  readonly schema: ModuleSchema;
  /** By position of the table. */
  readonly stores: readonly TableStore[];
  readonly sequences: Sequences;
  readonly databaseIdentity: bigint;
  /** Milliseconds, for console timers. */
  monotonic(): number;
  /** Token claims of a connection; undefined when it has none. */
  jwtPayload(connection: bigint): string | undefined;
  log(level: LogLine['level'], message: string): void;
  scheduleImmediate(name: string, args: Uint8Array): void;
  readonly http: ModuleHttpClient;
  /** Shuffles rows whose order is unspecified, when asked to. */
  shuffle(rows: StoredRow[]): StoredRow[];
}

/** One call into the module, as the system functions see it. */
export interface ActiveCall {
  readonly kind: 'reducer' | 'view' | 'procedure';
  tx: Transaction | undefined;
  /** Time of the call, microseconds. */
  timestamp: bigint;
  /** Procedures only. `start` gives the time of the new transaction. */
  readonly transactions?: { start(): bigint; commit(tx: Transaction): void };
  /** Set by a fault that the module must not survive. */
  fault: { readonly cause: unknown } | undefined;
  readonly iterators: Map<number, { readonly rows: readonly StoredRow[]; at: number }>;
}

/** Keeps track of which call the module is in. Calls nest: a commit in a procedure runs views. */
export class CallSession {
  readonly host: SysHost;
  #active: ActiveCall | undefined;
  #nextIterator = 1;
  readonly timers = new Map<number, { readonly name: string; readonly startedAt: number }>();
  #nextTimer = 1;

  constructor(host: SysHost) {
    this.host = host;
  }

  get active(): ActiveCall | undefined {
    return this.#active;
  }

  run<T>(call: ActiveCall, body: () => T): T {
    const outer = this.#active;
    this.#active = call;
    try {
      return body();
    } finally {
      this.#active = outer;
    }
  }

  /** Ids are never used twice: a forgotten iterator of the module must not close a later one. */
  addIterator(call: ActiveCall, rows: readonly StoredRow[]): number {
    const id = this.#nextIterator;
    this.#nextIterator += 1;
    call.iterators.set(id, { rows, at: 0 });
    return id;
  }

  addTimer(name: string): number {
    const id = this.#nextTimer;
    this.#nextTimer += 1;
    this.timers.set(id, { name, startedAt: this.host.monotonic() });
    return id;
  }
}
