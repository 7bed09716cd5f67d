import { BinaryWriter } from 'spacetimedb';

/** The subprotocols that are offered, the best first. Both carry the same messages. */
export const protocols = ['v3.bsatn.spacetimedb', 'v2.bsatn.spacetimedb'] as const;

/** One of the offered subprotocols. */
export type Protocol = (typeof protocols)[number];

const tags = { subscribe: 0, unsubscribe: 1, oneOffQuery: 2, callReducer: 3, callProcedure: 4 } as const;

/** Subscribe: all queries are evaluated on one snapshot. */
export function encodeSubscribe(requestId: number, querySetId: number, queries: readonly string[]): Uint8Array {
  const writer = begin(tags.subscribe, requestId, 64);
  writer.writeU32(querySetId);
  writer.writeU32(queries.length);
  for (const query of queries) writer.writeString(query);
  return writer.getBuffer();
}

/** Unsubscribe. The rows of the set are dropped by the client itself, so the server need not send them. */
export function encodeUnsubscribe(requestId: number, querySetId: number, sendDroppedRows = false): Uint8Array {
  const writer = begin(tags.unsubscribe, requestId, 16);
  writer.writeU32(querySetId);
  writer.writeU8(sendDroppedRows ? 1 : 0);
  return writer.getBuffer();
}

/** One query without a subscription. */
export function encodeOneOffQuery(requestId: number, query: string): Uint8Array {
  const writer = begin(tags.oneOffQuery, requestId, 64);
  writer.writeString(query);
  return writer.getBuffer();
}

/** A reducer call; `args` is the BSATN product of the arguments. */
export function encodeCallReducer(requestId: number, reducer: string, args: Uint8Array): Uint8Array {
  return encodeCall(tags.callReducer, requestId, reducer, args);
}

/** A procedure call; `args` is the BSATN product of the arguments. */
export function encodeCallProcedure(requestId: number, procedure: string, args: Uint8Array): Uint8Array {
  return encodeCall(tags.callProcedure, requestId, procedure, args);
}

function encodeCall(tag: number, requestId: number, name: string, args: Uint8Array): Uint8Array {
  const writer = begin(tag, requestId, args.length + name.length + 16);
  writer.writeU8(0); // flags: none is defined
  writer.writeString(name);
  writer.writeUInt8Array(args);
  return writer.getBuffer();
}

function begin(tag: number, requestId: number, size: number): BinaryWriter {
  const writer = new BinaryWriter(size + 8);
  writer.writeU8(tag);
  writer.writeU32(requestId);
  return writer;
}
