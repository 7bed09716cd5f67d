import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Values of the query parameter `compression`. */
export const compressions = ['None', 'Brotli', 'Gzip'] as const;

/** One of {@link compressions}. */
export type Compression = (typeof compressions)[number];

/** Bodies up to this many bytes always go out as they are. */
const compressAbove = 1024;
/** Messages leave in frames of at most this many bytes, as upstream sends them. */
const largestFrame = 4096;
/** Frames that are written at a time: a large message is not copied as a whole. */
const framesPerChunk = 64;
/** A frame of more bytes than this has its length in two bytes of its own. */
const shortFrame = 125;

/** The payload of one websocket message: a tag byte for the compression, then the body. */
export class ServerPayload {
  readonly tag: number;
  readonly body: Uint8Array;
  private only: Buffer | undefined;

  constructor(tag: number, body: Uint8Array) {
    this.tag = tag;
    this.body = body;
  }

  get length(): number {
    return 1 + this.body.length;
  }

  /** The frames of the message in the order in which they are to be written, some at a time. */
  *chunks(): Generator<Buffer, void> {
    if (this.length <= largestFrame * framesPerChunk) {
      // Kept: a payload that many clients get is framed once.
      this.only ??= this.frames(0, this.length);
      yield this.only;
      return;
    }
    for (let start = 0; start < this.length; start += largestFrame * framesPerChunk) {
      yield this.frames(start, Math.min(this.length, start + largestFrame * framesPerChunk));
    }
  }

  /** Frames over a part of the payload: binary, the first one of the message named so, the last one final. */
  private frames(from: number, to: number): Buffer {
    const out = Buffer.allocUnsafe(to - from + 4 * Math.ceil((to - from) / largestFrame));
    let at = 0;
    for (let start = from; start < to; start += largestFrame) {
      const end = Math.min(to, start + largestFrame);
      out[at] = (start === 0 ? 2 : 0) | (end === this.length ? 0x80 : 0);
      if (end - start <= shortFrame) {
        out[at + 1] = end - start;
        at += 2;
      } else {
        out[at + 1] = 126;
        out.writeUInt16BE(end - start, at + 2);
        at += 4;
      }
      if (start === 0) out[at] = this.tag;
      out.set(this.body.subarray(Math.max(0, start - 1), end - 1), start === 0 ? at + 1 : at);
      at += end - start;
    }
    return out.subarray(0, at);
  }
}

/** Bodies that several clients get, with their payloads. */
const shared = new WeakMap<Uint8Array, Map<Compression, ServerPayload>>();

/** Lets every compression of a body be made once for all who get it. */
export function share(body: Uint8Array): void {
  if (!shared.has(body)) shared.set(body, new Map());
}

export function serverPayload(compression: Compression, body: Uint8Array): ServerPayload {
  const known = shared.get(body);
  if (known === undefined) return payloadOf(compression, body);
  const payload = known.get(compression) ?? payloadOf(compression, body);
  known.set(compression, payload);
  return payload;
}

function payloadOf(compression: Compression, body: Uint8Array): ServerPayload {
  if (compression === 'None' || body.length <= compressAbove) return new ServerPayload(0, body);
  // The cheapest level of each, as upstream: the point is the wire, not the ratio.
  if (compression === 'Gzip') return new ServerPayload(2, gzipSync(body, { level: 1 }));
  return new ServerPayload(1, brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }));
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
