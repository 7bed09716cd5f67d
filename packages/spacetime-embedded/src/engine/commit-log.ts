import type { ClientConnection } from './client-connection.ts';

/** What one commit leaves in the log. Event rows are not kept: nothing ever reads them again. */
export interface LogRecord {
  readonly offset: bigint;
  readonly timestamp: bigint;
  readonly tables: readonly LoggedTable[];
  readonly sequences: readonly SequenceReservation[];
  readonly connected: readonly ClientConnection[];
  /** Connection ids. */
  readonly disconnected: readonly string[];
  /** Set by the first record and whenever another module takes over. */
  readonly module: ModuleMark | undefined;
}

export interface LoggedTable {
  readonly name: string;
  readonly inserts: readonly Uint8Array[];
  readonly deletes: readonly Uint8Array[];
}

export interface SequenceReservation {
  /** `table.column`. */
  readonly name: string;
  /** The first value that is not reserved. */
  readonly reserved: bigint;
}

/** Which module wrote the rows, and what they look like. */
export interface ModuleMark {
  readonly hash: string;
  readonly shape: string;
}

/** The whole state at one offset. */
export interface StateImage {
  readonly offset: bigint;
  readonly module: ModuleMark;
  readonly tables: readonly { readonly name: string; readonly rows: readonly Uint8Array[] }[];
  readonly sequences: readonly SequenceReservation[];
  readonly clients: readonly ClientConnection[];
}

/** Where commits become durable. */
export interface CommitLog {
  readonly durableOffset: bigint;
  /** Set when the log could not be written; nothing is accepted any more. */
  readonly failure: Error | undefined;
  append(record: LogRecord): void;
  /** Listeners are also told when it fails. */
  onDurable(listener: (offset: bigint) => void): () => void;
  /** Makes everything durable and lets go of the directory. */
  close(): Promise<void>;
}

/** A log that keeps nothing: every commit counts as durable at once. */
export class MemoryLog implements CommitLog {
  readonly failure = undefined;
  durableOffset: bigint;
  readonly #listeners = new Set<(offset: bigint) => void>();

  constructor(offset: bigint) {
    this.durableOffset = offset;
  }

  append(record: LogRecord): void {
    this.durableOffset = record.offset;
    for (const listener of [...this.#listeners]) listener(record.offset);
  }

  onDurable(listener: (offset: bigint) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}
