import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { BsatnReader } from './bsatn-reader.ts';
import type { Protocol } from './client-message.ts';
import { readServerMessage, type ServerMessage } from './server-message.ts';

const plain = 0;
/** More than any frame a server makes of 512 KiB batches and 1 MiB pages, less than what would hurt. */
const longestInflated = 256 * 1024 * 1024;

/**
 * The messages of one frame, in order. Inflated synchronously: doing it later would let a small plain frame overtake a
 * large compressed one.
 *
 * @param reader One that serves many frames saves making one for each.
 * @throws {RangeError} when the frame is not what the protocol says.
 */
export function readFrame(data: Uint8Array, protocol: Protocol, reader = new BsatnReader()): ServerMessage[] {
  // A plain frame is read where it lies, behind its compression tag.
  if (data[0] === plain) reader.begin(data, 1);
  else reader.begin(inflate(data));
  const messages = [readServerMessage(reader)];
  // v2 carries one message per frame and ignores what follows; v3 carries at least one.
  if (protocol === 'v3.bsatn.spacetimedb') while (reader.remaining > 0) messages.push(readServerMessage(reader));
  reader.release();
  return messages;
}

function inflate(data: Uint8Array): Uint8Array {
  const body = data.subarray(1);
  switch (data[0]) {
    case 1:
      return brotliDecompressSync(body, { maxOutputLength: longestInflated });
    case 2:
      return gunzipSync(body, { maxOutputLength: longestInflated });
    default:
      throw new RangeError(`Unknown compression tag ${data[0]}.`);
  }
}
