import type { BinaryWriter } from 'spacetimedb';
import { written } from './bsatn.ts';
import { type RowBytes, rowListBytes, writeRowList } from './row-list.ts';

/** Rows of one table in a snapshot. */
export interface TableRows {
  readonly table: string;
  readonly rows: RowBytes;
}

/** Changes of one table as one query sees them, already encoded: shared by every subscriber of that query. */
export interface EncodedTableUpdate {
  readonly table: string;
  /** A TableUpdateRows. */
  readonly rows: Uint8Array;
}

/** The changes of one transaction for one query set. */
export interface QuerySetUpdate {
  readonly querySetId: number;
  readonly updates: readonly EncodedTableUpdate[];
}

/** What a reducer call came to. */
export type ReducerOutcome =
  | { readonly outcome: 'ok'; readonly querySets: readonly QuerySetUpdate[] }
  | { readonly outcome: 'error'; readonly message: string }
  | { readonly outcome: 'internal'; readonly message: string };

/** Encodes each ServerMessage of v2 and v3. */
export const serverMessage = {
  initialConnection(identity: bigint, connectionId: bigint, token: string): Uint8Array {
    return written((writer) => {
      writer.writeU8(0);
      writer.writeU256(identity);
      writer.writeU128(connectionId);
      writer.writeString(token);
    }, 512);
  },

  subscribeApplied(requestId: number, querySetId: number, rows: readonly TableRows[]): Uint8Array {
    return written((writer) => {
      writer.writeU8(1);
      writer.writeU32(requestId);
      writer.writeU32(querySetId);
      writeQueryRows(writer, rows);
    }, queryRowsBytes(rows));
  },

  unsubscribeApplied(requestId: number, querySetId: number, rows: readonly TableRows[] | undefined): Uint8Array {
    return written(
      (writer) => {
        writer.writeU8(2);
        writer.writeU32(requestId);
        writer.writeU32(querySetId);
        writer.writeU8(rows === undefined ? 1 : 0);
        if (rows !== undefined) writeQueryRows(writer, rows);
      },
      queryRowsBytes(rows ?? []),
    );
  },

  subscriptionError(requestId: number | undefined, querySetId: number, message: string): Uint8Array {
    return written((writer) => {
      writer.writeU8(3);
      writer.writeU8(requestId === undefined ? 1 : 0);
      if (requestId !== undefined) writer.writeU32(requestId);
      writer.writeU32(querySetId);
      writer.writeString(message);
    });
  },

  transactionUpdate(querySets: readonly QuerySetUpdate[]): Uint8Array {
    return written((writer) => {
      writer.writeU8(4);
      writeTransactionUpdate(writer, querySets);
    }, updateBytes(querySets));
  },

  oneOffQueryResult(requestId: number, result: readonly TableRows[] | { readonly error: string }): Uint8Array {
    return written(
      (writer) => {
        writer.writeU8(5);
        writer.writeU32(requestId);
        if ('error' in result) {
          writer.writeU8(1);
          writer.writeString(result.error);
        } else {
          writer.writeU8(0);
          writeQueryRows(writer, result);
        }
      },
      'error' in result ? undefined : queryRowsBytes(result),
    );
  },

  reducerResult(requestId: number, timestamp: bigint, result: ReducerOutcome): Uint8Array {
    return written((writer) => {
      writer.writeU8(6);
      writer.writeU32(requestId);
      writer.writeI64(timestamp);
      if (result.outcome === 'ok') {
        writer.writeU8(0);
        writer.writeU32(0);
        writeTransactionUpdate(writer, result.querySets);
      } else if (result.outcome === 'error') {
        writer.writeU8(2);
        // The error type of a reducer is a string: its BSATN goes into the bytes.
        writer.writeUInt8Array(written((inner) => inner.writeString(result.message)));
      } else {
        writer.writeU8(3);
        writer.writeString(result.message);
      }
    });
  },

  procedureResult(
    requestId: number,
    timestamp: bigint,
    durationMicros: bigint,
    result: Uint8Array | { readonly error: string },
  ): Uint8Array {
    return written((writer) => {
      writer.writeU8(7);
      if (result instanceof Uint8Array) {
        writer.writeU8(0);
        writer.writeUInt8Array(result);
      } else {
        writer.writeU8(1);
        writer.writeString(result.error);
      }
      writer.writeI64(timestamp);
      writer.writeI64(durationMicros);
      writer.writeU32(requestId);
    });
  },
};

/** A TableUpdateRows of a table that keeps its rows. */
export function encodePersistentRows(inserts: RowBytes, deletes: RowBytes): Uint8Array {
  return written(
    (writer) => {
      writer.writeU8(0);
      writeRowList(writer, inserts);
      writeRowList(writer, deletes);
    },
    room + rowListBytes(inserts) + rowListBytes(deletes),
  );
}

/** A TableUpdateRows of an event table. */
export function encodeEventRows(events: RowBytes): Uint8Array {
  return written((writer) => {
    writer.writeU8(1);
    writeRowList(writer, events);
  }, room + rowListBytes(events));
}

/** For what is around rows: a message of much data is to be written where it stays, not to grow into it. */
const room = 64;

function queryRowsBytes(tables: readonly TableRows[]): number {
  return tables.reduce((sum, { table, rows }) => sum + table.length + rowListBytes(rows), room);
}

function updateBytes(querySets: readonly QuerySetUpdate[]): number {
  const updates = querySets.flatMap((set) => set.updates);
  return updates.reduce((sum, { table, rows }) => sum + table.length + room + rows.length, room);
}

function writeQueryRows(writer: BinaryWriter, tables: readonly TableRows[]): void {
  writer.writeU32(tables.length);
  for (const { table, rows } of tables) {
    writer.writeString(table);
    writeRowList(writer, rows);
  }
}

function writeTransactionUpdate(writer: BinaryWriter, querySets: readonly QuerySetUpdate[]): void {
  writer.writeU32(querySets.length);
  for (const { querySetId, updates } of querySets) {
    writer.writeU32(querySetId);
    const byTable = Map.groupBy(updates, (update) => update.table);
    writer.writeU32(byTable.size);
    for (const [table, parts] of byTable) {
      writer.writeString(table);
      writer.writeU32(parts.length);
      for (const part of parts) writer.writeBytes(part.rows);
    }
  }
}
