import { BinaryWriter } from 'spacetimedb';

const spareBytes = 4 * 1024;
const largestSpare = 64 * 1024;

let spare: BinaryWriter | undefined;

/**
 * Lends a writer for small things: memory of their own for each of them costs more than writing them. `take` gets the
 * bytes and must copy what it keeps; they are written over by the next one.
 */
export function withScratch<Result>(
  write: (writer: BinaryWriter) => void,
  take: (bytes: Uint8Array) => Result,
): Result {
  // Whoever writes within another gets a writer of its own.
  const writer = spare ?? new BinaryWriter(spareBytes);
  spare = undefined;
  writer.clear();
  write(writer);
  const result = take(writer.getBuffer());
  if (writer.buffer.capacity <= largestSpare) spare = writer;
  return result;
}
