import type { LiveRow } from '../module/event-rows.ts';
import type { StreamPage } from '../module/pages.ts';
import type { Fanout } from '../module/reducers.ts';
import type { BsatnReader } from '../wire/bsatn-reader.ts';
import type { TableRows, TableUpdate } from '../wire/server-message.ts';

/** What comes of a subscription of one query. */
export interface QueryHandlers {
  /** From now on everything new is heard; these rows were there already. */
  applied(tables: readonly TableRows[]): void;
  /** One transaction. */
  changed(tables: readonly TableUpdate[]): void;
  /** The server refuses the query or has dropped it; nothing comes any more. */
  lost(message: string): void;
}

/** What a source needs of the stream that it listens for, and of the connection that it listens on. */
export interface SourceHost {
  /** Takes the rows of this stream that come to the inbox of the connection. Returns how to end it. */
  inbox(rows: (rows: readonly LiveRow[]) => void): () => void;
  /** Subscribes to a query. Returns how to end it. */
  query(query: string, handlers: QueryHandlers): () => void;
  /** For the rows of queries. */
  readonly reader: BsatnReader;
  /** New events came, those of one transaction. */
  heard(rows: readonly LiveRow[]): void;
  /** The stream has reached this sequence, as somebody said. */
  rung(seq: bigint): void;
  /**
   * Everything new is heard from now on. `unheard`: what was committed since the last page was not, so that one more
   * page has to be read.
   */
  listening(unheard: boolean): void;
  /** Nothing is heard any more until the next page tells where to listen. */
  lost(message: string): void;
}

/**
 * How one connection hears of what is new in one stream. Which way a stream has is told by every page of it; the rest of
 * reading, pages and merge, is the same for all.
 */
export interface StreamSource {
  readonly fanout: Fanout;
  /** Whether everything new is heard. */
  readonly listening: boolean;
  /** A page came: listens where it says, and at what follows `seq`. */
  page(page: Pick<StreamPage, 'route' | 'head'>, seq: bigint): void;
  /** The events up to `seq` were handed over. */
  moved(seq: bigint): void;
  stop(): void;
}

/** A string as SQL writes it. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
