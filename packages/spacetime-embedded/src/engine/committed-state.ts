import { Buffer } from 'node:buffer';
import type { ClientConnection } from './client-connection.ts';
import type { LogRecord, ModuleMark, StateImage } from './commit-log.ts';
import type { ModuleSchema } from './module-schema.ts';
import { Sequences } from './sequences.ts';
import { variablesSchema } from './system-variables.ts';
import { TableStore } from './table-store.ts';
import type { NetChange } from './transaction.ts';

/** Everything that is committed: tables, counters, open connections. */
export class CommittedState {
  /** The tables of the module. */
  readonly stores: readonly TableStore[];
  /** The system variables that are set. */
  readonly variables: TableStore;
  readonly sequences: Sequences;
  readonly clients = new Map<string, ClientConnection>();
  offset = 0n;
  module: ModuleMark | undefined;
  readonly #byName: ReadonlyMap<string, TableStore>;

  constructor(schema: ModuleSchema, seed: number) {
    this.stores = schema.tables.map((table) => new TableStore(table, seed));
    this.variables = new TableStore(variablesSchema(), seed);
    this.sequences = new Sequences(schema.tables);
    this.#byName = new Map([...this.stores, this.variables].map((store) => [store.schema.definition.name, store]));
  }

  /** Brings the net changes of a transaction into the tables. */
  apply(changes: readonly NetChange[]): void {
    for (const { store, inserts, deletes, keys } of changes) {
      if (store.schema.definition.isEvent) continue;
      for (const row of deletes) store.delete(row);
      for (const row of inserts) store.add(row, keys.get(row));
    }
  }

  /** Applies a record of the log. @throws when it does not fit to what was read before. */
  replay(record: LogRecord): void {
    this.offset = record.offset;
    if (record.module !== undefined) this.module = record.module;
    for (const { name, inserts, deletes } of record.tables) {
      const store = this.#store(name);
      for (const bytes of deletes) {
        const row = store.rows.find(Buffer.from(bytes), store.hash(bytes));
        if (row === undefined) throw new Error(`commit ${record.offset} deletes a row of "${name}" that is not there`);
        store.delete(row);
      }
      for (const bytes of inserts) store.add(store.newRow(Buffer.from(bytes)));
    }
    for (const { name, reserved } of record.sequences) this.sequences.restore(name, reserved);
    for (const client of record.connected) this.clients.set(client.connectionId, client);
    for (const id of record.disconnected) this.clients.delete(id);
  }

  /** Takes over the begin of an image. Its rows follow by {@link restoreRow}. */
  restore(image: Omit<StateImage, 'tables'>): void {
    this.offset = image.offset;
    this.module = image.module;
    for (const { name, reserved } of image.sequences) this.sequences.restore(name, reserved);
    for (const client of image.clients) this.clients.set(client.connectionId, client);
  }

  restoreRow(table: string, bytes: Uint8Array): void {
    const store = this.#store(table);
    store.add(store.newRow(Buffer.from(bytes)));
  }

  /** Takes over an image with its rows. */
  restoreImage(image: StateImage): void {
    this.restore(image);
    for (const { name, rows } of image.tables) for (const row of rows) this.restoreRow(name, row);
  }

  /** The state as it is now; rows never change, so the image stays true while commits go on. */
  image(module: ModuleMark, sequences = this.sequences.all()): StateImage {
    return {
      offset: this.offset,
      module,
      tables: [...this.stores, this.variables]
        .filter((store) => store.rows.size > 0)
        .map((store) => ({ name: store.schema.definition.name, rows: [...store.rows].map((row) => row.bytes) })),
      sequences,
      clients: [...this.clients.values()],
    };
  }

  #store(name: string): TableStore {
    const store = this.#byName.get(name);
    if (store === undefined) throw new Error(`the log has rows of a table "${name}" that the module does not have`);
    return store;
  }
}
