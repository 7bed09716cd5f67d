import { BinaryWriter } from 'spacetimedb';

/** Encodes what a client sends, apart from the decoder of this package's host. */
export const clientMessage = {
  subscribe(request: number, set: number, ...queries: readonly string[]): Uint8Array {
    return message(0, request, (writer) => {
      writer.writeU32(set);
      writer.writeU32(queries.length);
      for (const query of queries) writer.writeString(query);
    });
  },
  unsubscribe: (request: number, set: number, dropped = true): Uint8Array =>
    message(1, request, (writer) => {
      writer.writeU32(set);
      writer.writeU8(dropped ? 1 : 0);
    }),
  oneOff: (request: number, query: string): Uint8Array => message(2, request, (writer) => writer.writeString(query)),
  reducer: (request: number, name: string, args: Uint8Array = new Uint8Array()): Uint8Array =>
    call(3, request, name, args),
  procedure: (request: number, name: string, args: Uint8Array = new Uint8Array()): Uint8Array =>
    call(4, request, name, args),
};

function call(tag: number, request: number, name: string, args: Uint8Array): Uint8Array {
  return message(tag, request, (writer) => {
    writer.writeU8(0);
    writer.writeString(name);
    writer.writeUInt8Array(args);
  });
}

function message(tag: number, request: number, rest: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter(64);
  writer.writeU8(tag);
  writer.writeU32(request);
  rest(writer);
  return writer.getBuffer().slice();
}
