import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Values of the query parameter `compression`. */
export const compressions = ['None', 'Brotli', 'Gzip'] as const;

/** One of {@link compressions}. */
export type Compression = (typeof compressions)[number];

/** Bodies up to this many bytes always go out as they are. */
const compressAbove = 1024;

/** The payload of one websocket message: a tag byte for the compression, then the body. */
export function serverPayload(compression: Compression, body: Uint8Array): Uint8Array {
  if (compression === 'None' || body.length <= compressAbove) return tagged(0, body);
  // The cheapest level of each, as upstream: the point is the wire, not the ratio.
  if (compression === 'Gzip') return tagged(2, gzipSync(body, { level: 1 }));
  return tagged(1, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }));
}

/** Messages one after the other, without separators: BSATN says itself where each one ends. */
export function concatenated(messages: readonly Uint8Array[]): Uint8Array {
  const only = messages[0];
  if (messages.length === 1 && only !== undefined) return only;
  const all = new Uint8Array(messages.reduce((sum, message) => sum + message.length, 0));
  let offset = 0;
  for (const message of messages) {
    all.set(message, offset);
    offset += message.length;
  }
  return all;
}

function tagged(tag: number, body: Uint8Array): Uint8Array {
  const payload = new Uint8Array(body.length + 1);
  payload[0] = tag;
  payload.set(body, 1);
  return payload;
}
