import type { BsatnReader } from './bsatn-reader.ts';
import { noSlices, RowSlices } from './row-slices.ts';

/** Rows of one table, each as its BSATN bytes where they lie in the frame, so copy what is kept. */
export interface TableRows {
  readonly table: string;
  readonly rows: RowSlices;
}

/** What one transaction did to one table of one query set. */
export interface TableUpdate {
  readonly table: string;
  readonly inserts: RowSlices;
  readonly deletes: RowSlices;
  /** Rows of an event table: they are never stored. */
  readonly events: RowSlices;
}

/** What one transaction did to one query set. */
export interface QuerySetUpdate {
  readonly query_set_id: number;
  readonly tables: readonly TableUpdate[];
}

/** How a reducer call ended. */
export type ReducerOutcome =
  | { readonly type: 'ok'; readonly update: readonly QuerySetUpdate[] }
  | { readonly type: 'error'; readonly error: Uint8Array }
  | { readonly type: 'internal-error'; readonly message: string };

/** The messages of a server, v2 and v3. Identities and connection ids are lowercase hex, most significant byte first. */
export type ServerMessage =
  | {
      readonly type: 'initial-connection';
      readonly identity: string;
      readonly connection_id: string;
      readonly token: string;
    }
  | {
      readonly type: 'subscribe-applied';
      readonly request_id: number;
      readonly query_set_id: number;
      readonly tables: readonly TableRows[];
    }
  | { readonly type: 'unsubscribe-applied'; readonly request_id: number; readonly query_set_id: number }
  | {
      readonly type: 'subscription-error';
      readonly request_id: number | undefined;
      readonly query_set_id: number;
      readonly error: string;
    }
  | { readonly type: 'transaction-update'; readonly update: readonly QuerySetUpdate[] }
  | {
      readonly type: 'one-off-result';
      readonly request_id: number;
      readonly tables: readonly TableRows[];
      readonly error: string | undefined;
    }
  | { readonly type: 'reducer-result'; readonly request_id: number; readonly outcome: ReducerOutcome }
  | {
      readonly type: 'procedure-result';
      readonly request_id: number;
      readonly returned: Uint8Array | undefined;
      readonly error: string | undefined;
    };

/** Reads one message. @throws {RangeError} when the bytes end early or hold an unknown tag. */
export function readServerMessage(reader: BsatnReader): ServerMessage {
  const tag = reader.readU8();
  switch (tag) {
    case 0: {
      const identity = hex(reader.readU256(), 64);
      const connection_id = hex(reader.readU128(), 32);
      return { type: 'initial-connection', identity, connection_id, token: reader.readString() };
    }
    case 1: {
      const request_id = reader.readU32();
      const query_set_id = reader.readU32();
      return { type: 'subscribe-applied', request_id, query_set_id, tables: readQueryRows(reader) };
    }
    case 2: {
      const request_id = reader.readU32();
      const query_set_id = reader.readU32();
      if (readTag(reader, 1) === 0) readQueryRows(reader);
      return { type: 'unsubscribe-applied', request_id, query_set_id };
    }
    case 3: {
      const request_id = readTag(reader, 1) === 0 ? reader.readU32() : undefined;
      const query_set_id = reader.readU32();
      return { type: 'subscription-error', request_id, query_set_id, error: reader.readString() };
    }
    case 4:
      return { type: 'transaction-update', update: readUpdate(reader) };
    case 5: {
      const request_id = reader.readU32();
      if (readTag(reader, 1) === 0) {
        return { type: 'one-off-result', request_id, tables: readQueryRows(reader), error: undefined };
      }
      return { type: 'one-off-result', request_id, tables: [], error: reader.readString() };
    }
    case 6: {
      const request_id = reader.readU32();
      reader.readI64(); // timestamp: the rows carry their own
      return { type: 'reducer-result', request_id, outcome: readOutcome(reader) };
    }
    case 7:
      return readProcedureResult(reader);
    default:
      throw new RangeError(`Unknown server message tag ${tag}.`);
  }
}

function readProcedureResult(reader: BsatnReader): ServerMessage {
  const failed = readTag(reader, 1) === 1;
  const error = failed ? reader.readString() : undefined;
  const returned = failed ? undefined : reader.readUInt8Array();
  reader.readI64(); // timestamp
  reader.readI64(); // duration on the host
  return { type: 'procedure-result', request_id: reader.readU32(), returned, error };
}

function readOutcome(reader: BsatnReader): ReducerOutcome {
  switch (readTag(reader, 3)) {
    case 0:
      reader.readUInt8Array(); // return value: reducers have none
      return { type: 'ok', update: readUpdate(reader) };
    case 1:
      return { type: 'ok', update: [] };
    case 2:
      return { type: 'error', error: reader.readUInt8Array() };
    default:
      return { type: 'internal-error', message: reader.readString() };
  }
}

function readUpdate(reader: BsatnReader): QuerySetUpdate[] {
  const sets: QuerySetUpdate[] = [];
  for (let left = reader.readCount(); left > 0; left -= 1) {
    const query_set_id = reader.readU32();
    const tables: TableUpdate[] = [];
    for (let more = reader.readCount(); more > 0; more -= 1) tables.push(readTableUpdate(reader));
    sets.push({ query_set_id, tables });
  }
  return sets;
}

function readTableUpdate(reader: BsatnReader): TableUpdate {
  const table = reader.readName();
  let inserts = noSlices;
  let deletes = noSlices;
  let events = noSlices;
  for (let left = reader.readCount(); left > 0; left -= 1) {
    if (readTag(reader, 1) === 0) {
      inserts = joined(inserts, reader.readRowList());
      deletes = joined(deletes, reader.readRowList());
    } else {
      events = joined(events, reader.readRowList());
    }
  }
  return { table, inserts, deletes, events };
}

/** A server mostly sends one list, which is then taken as it is. */
function joined(before: RowSlices, rows: RowSlices): RowSlices {
  if (before.length === 0) return rows;
  return rows.length === 0 ? before : RowSlices.joined(before, rows);
}

function readQueryRows(reader: BsatnReader): TableRows[] {
  const tables: TableRows[] = [];
  for (let left = reader.readCount(); left > 0; left -= 1) {
    const table = reader.readName();
    tables.push({ table, rows: reader.readRowList() });
  }
  return tables;
}

function readTag(reader: BsatnReader, highest: number): number {
  const tag = reader.readU8();
  if (tag > highest) throw new RangeError(`Unknown variant ${tag}, expected at most ${highest}.`);
  return tag;
}

function hex(value: bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
