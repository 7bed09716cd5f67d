import type { RecordFindings } from './check-record.ts';
import type { WriterRecord } from './check-server.ts';
import type { Database } from './http-api.ts';
import type { Reads, SubscriberRecord } from './record.ts';
import type { Violation } from './violations.ts';

/** What is written and shown: which module, and what a record of it must be like. */
export interface Workload {
  readonly name: 'tables' | 'streams';
  /** The module to publish. */
  bundle(): Promise<Uint8Array>;
  /** Makes what the writers and subscribers need, once the module is there. */
  prepare(database: Database, subscribers: number): Promise<void>;
  /** A token for a process. */
  token(database: Database, who: { readonly role: 'subscriber' | 'writer'; readonly number: number }): Promise<string>;
  /** How many transactions the server has. */
  head(database: Database): Promise<number>;
  /** Reads the server's log, to judge by. */
  judge(database: Database): Promise<Judge>;
  close(): Promise<void>;
}

/** The server's log in the end, and what can be said by it. */
export interface Judge {
  readonly transactions: number;
  /** How many logs there are, each of which a kill of the server can cut short. */
  readonly logs: number;
  /** Of the server by itself, and of what it has acknowledged. */
  server(writers: readonly WriterRecord[]): Violation[];
  subscriber(record: SubscriberRecord, reads: Reads): RecordFindings;
  /** The log, to be kept beside the records. */
  readonly log: unknown;
}
