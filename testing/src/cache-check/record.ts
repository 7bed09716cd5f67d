import type { RowText } from './rows.ts';

/** Which client a subscriber is, and what it may be shown. */
export type ClientName = 'session' | 'sdk';
export type Reads = 'confirmed' | 'unconfirmed';

/** What the cache shows as a whole: the number in its head, and the digest of all its rows. */
export interface View {
  readonly n: number | null;
  readonly digest: string;
}

/** One observation: what a transaction, or a new connection, changed, and what the cache shows then. */
export interface Seen {
  readonly k: 'seen';
  readonly at: number;
  /**
   * `baseline`: `in` is everything, and what was shown before is void. `resync`: the difference to what was shown.
   * `transaction`: one transaction.
   */
  readonly source: 'baseline' | 'resync' | 'transaction';
  readonly in: readonly RowText[];
  readonly out: readonly RowText[];
  /** The numbers of the rows of the event table. */
  readonly events: readonly number[];
  readonly view: View;
}

/** Events of a stream, in one batch. */
export interface StreamBatch {
  readonly k: 'batch';
  readonly at: number;
  readonly stream: string;
  readonly source: 'replay' | 'live';
  readonly epoch: string;
  readonly events: readonly {
    readonly seq: number;
    readonly key: string;
    readonly hash: string;
    readonly at: number;
  }[];
  /** Events of all streams so far. */
  readonly view: { readonly n: number };
}

/** A line of the file that a subscriber appends to. Times are milliseconds since the Unix epoch. */
export type RecordLine =
  | { readonly k: 'start'; readonly at: number; readonly pid: number }
  /** A connection with a cache of its own begins. */
  | { readonly k: 'open'; readonly at: number }
  | Seen
  | StreamBatch
  /** The server has not what was shown: reading goes on from an earlier event. */
  | {
      readonly k: 'rewound';
      readonly at: number;
      readonly stream: string;
      readonly reason: string;
      readonly epoch: string;
      readonly to: number;
    }
  | { readonly k: 'lost'; readonly at: number; readonly reason: string }
  /** The client cannot go on: the subscription was refused, or it trapped. */
  | { readonly k: 'failed'; readonly at: number; readonly message: string };

/** A record as it was read. */
export interface SubscriberRecord {
  readonly lines: readonly RecordLine[];
  /** Lines that a kill has cut short. */
  readonly torn: number;
}

/**
 * Reads a record. A line that is cut short is one that was being written when the process was killed: it is followed by
 * the `start` of the next process, or by nothing.
 *
 * @throws {SyntaxError} for any other line that is not JSON.
 */
export function readRecord(text: string): SubscriberRecord {
  const lines: RecordLine[] = [];
  const texts = text.split('\n').filter((line) => line !== '');
  let torn = 0;
  for (const [index, line] of texts.entries()) {
    try {
      lines.push(JSON.parse(line) as RecordLine);
    } catch (cause) {
      const next = texts[index + 1];
      if (next !== undefined && !next.startsWith('{"k":"start"')) throw cause;
      torn += 1;
    }
  }
  return { lines, torn };
}
