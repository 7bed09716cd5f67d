import { BinaryReader, BinaryWriter } from 'spacetimedb';

/** What a client sent. */
export type ClientMessage =
  | { type: 'subscribe'; request_id: number; query_set_id: number; queries: string[] }
  | { type: 'unsubscribe'; request_id: number; query_set_id: number }
  | { type: 'one-off'; request_id: number; query: string }
  | { type: 'reducer' | 'procedure'; request_id: number; name: string; args: Uint8Array };

export interface TableDelta {
  table: string;
  inserts?: Uint8Array[];
  deletes?: Uint8Array[];
  events?: Uint8Array[];
}

export interface SetDelta {
  query_set_id: number;
  tables: TableDelta[];
}

/** Reads a client payload: v3 may hold several messages. */
export function readClientMessages(data: Uint8Array): ClientMessage[] {
  const reader = new BinaryReader(data);
  const messages: ClientMessage[] = [];
  while (reader.remaining > 0) messages.push(readClientMessage(reader));
  return messages;
}

function readClientMessage(reader: BinaryReader): ClientMessage {
  const tag = reader.readU8();
  const request_id = reader.readU32();
  switch (tag) {
    case 0: {
      const query_set_id = reader.readU32();
      const queries: string[] = [];
      for (let left = reader.readU32(); left > 0; left -= 1) queries.push(reader.readString());
      return { type: 'subscribe', request_id, query_set_id, queries };
    }
    case 1: {
      const query_set_id = reader.readU32();
      reader.readU8();
      return { type: 'unsubscribe', request_id, query_set_id };
    }
    case 2:
      return { type: 'one-off', request_id, query: reader.readString() };
    case 3:
    case 4: {
      reader.readU8();
      const name = reader.readString();
      return { type: tag === 3 ? 'reducer' : 'procedure', request_id, name, args: reader.readUInt8Array() };
    }
    default:
      throw new Error(`Unknown client tag ${tag}`);
  }
}

export function initialConnection(identity: bigint, connection: bigint, token: string): Uint8Array {
  return write((writer) => {
    writer.writeU8(0);
    writer.writeU256(identity);
    writer.writeU128(connection);
    writer.writeString(token);
  });
}

export function subscribeApplied(
  requestId: number,
  querySetId: number,
  tables: { table: string; rows: Uint8Array[] }[],
): Uint8Array {
  return write((writer) => {
    writer.writeU8(1);
    writer.writeU32(requestId);
    writer.writeU32(querySetId);
    writer.writeU32(tables.length);
    for (const { table, rows } of tables) {
      writer.writeString(table);
      writeRows(writer, rows);
    }
  });
}

export function unsubscribeApplied(requestId: number, querySetId: number): Uint8Array {
  return write((writer) => {
    writer.writeU8(2);
    writer.writeU32(requestId);
    writer.writeU32(querySetId);
    writer.writeU8(1);
  });
}

export function subscriptionError(requestId: number | undefined, querySetId: number, error: string): Uint8Array {
  return write((writer) => {
    writer.writeU8(3);
    writer.writeU8(requestId === undefined ? 1 : 0);
    if (requestId !== undefined) writer.writeU32(requestId);
    writer.writeU32(querySetId);
    writer.writeString(error);
  });
}

export function transactionUpdate(sets: SetDelta[]): Uint8Array {
  return write((writer) => {
    writer.writeU8(4);
    writeUpdate(writer, sets);
  });
}

export function reducerOk(requestId: number, sets: SetDelta[]): Uint8Array {
  return write((writer) => {
    writer.writeU8(6);
    writer.writeU32(requestId);
    writer.writeI64(9n);
    writer.writeU8(0);
    writer.writeU32(0);
    writeUpdate(writer, sets);
  });
}

export function reducerError(requestId: number, text: string): Uint8Array {
  return write((writer) => {
    writer.writeU8(6);
    writer.writeU32(requestId);
    writer.writeI64(9n);
    writer.writeU8(2);
    writer.writeUInt8Array(write((inner) => inner.writeString(text)));
  });
}

export function reducerTrap(requestId: number, text: string): Uint8Array {
  return write((writer) => {
    writer.writeU8(6);
    writer.writeU32(requestId);
    writer.writeI64(9n);
    writer.writeU8(3);
    writer.writeString(text);
  });
}

export function procedureReturned(requestId: number, value: Uint8Array): Uint8Array {
  return write((writer) => {
    writer.writeU8(7);
    writer.writeU8(0);
    writer.writeUInt8Array(value);
    writer.writeI64(9n);
    writer.writeI64(4n);
    writer.writeU32(requestId);
  });
}

export function procedureFailed(requestId: number, text: string): Uint8Array {
  return write((writer) => {
    writer.writeU8(7);
    writer.writeU8(1);
    writer.writeString(text);
    writer.writeI64(9n);
    writer.writeI64(4n);
    writer.writeU32(requestId);
  });
}

/** A plain frame of one or more messages. */
export function frame(...messages: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([new Uint8Array([0]), ...messages]));
}

function writeUpdate(writer: BinaryWriter, sets: SetDelta[]): void {
  writer.writeU32(sets.length);
  for (const { query_set_id, tables } of sets) {
    writer.writeU32(query_set_id);
    writer.writeU32(tables.length);
    for (const { table, inserts, deletes, events } of tables) {
      writer.writeString(table);
      writer.writeU32(1);
      writer.writeU8(events === undefined ? 0 : 1);
      if (events === undefined) {
        writeRows(writer, inserts ?? []);
        writeRows(writer, deletes ?? []);
      } else {
        writeRows(writer, events);
      }
    }
  }
}

function writeRows(writer: BinaryWriter, rows: Uint8Array[]): void {
  const size = rows[0]?.length ?? 0;
  if (size > 0 && size <= 0xffff && rows.every((row) => row.length === size)) {
    writer.writeU8(0);
    writer.writeU16(size);
  } else {
    writer.writeU8(1);
    writer.writeU32(rows.length);
    let offset = 0;
    for (const row of rows) {
      writer.writeU64(BigInt(offset));
      offset += row.length;
    }
  }
  writer.writeUInt8Array(new Uint8Array(Buffer.concat(rows)));
}

function write(fill: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter(64);
  fill(writer);
  return writer.getBuffer();
}
