import { hash as digest } from 'node:crypto';

// Looking a global up for every word would be most of the time in a vm context, such as that of a test.
const { imul } = Math;
/** Bytes from which four words are mixed side by side. */
const wide = 32;

/** Hashes rows by their bytes: 32 bits, as a signed number. */
export type RowHash = (view: DataView, start: number, end: number) => number;

/**
 * A few multiplications: MurmurHash3, x86, 32 bits, and for longer rows four of it side by side. Each step waits for the
 * one before it, so that a processor gets through four chains in about the time of one.
 */
export const quickHash: RowHash = (view, start, end) => {
  let at = start;
  let hash = 0;
  if (end - start >= wide) {
    let [second, third, fourth] = [1, 2, 3];
    for (const last = end - 16; at <= last; at += 16) {
      hash = step(hash, view.getInt32(at, true));
      second = step(second, view.getInt32(at + 4, true));
      third = step(third, view.getInt32(at + 8, true));
      fourth = step(fourth, view.getInt32(at + 12, true));
    }
    hash = step(step(step(hash, second), third), fourth);
  }
  for (; at + 4 <= end; at += 4) hash = step(hash, view.getInt32(at, true));
  let tail = 0;
  for (let shift = 0; at < end; at += 1, shift += 8) tail |= view.getUint8(at) << shift;
  hash ^= scrambled(tail) ^ (end - start);
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
};

/** SHA-256, for rows of somebody who aims them at one value of the other hash. */
export const strongHash: RowHash = (view, start, end) =>
  digest('sha256', new Uint8Array(view.buffer, start, end - start), 'buffer').readInt32LE(0);

/** Whether the bytes from `start` to before `end` are there in `other` from `there`. */
export function isSame(view: DataView, start: number, end: number, other: DataView, there: number): boolean {
  const apart = there - start;
  let at = start;
  // Four bytes at a time: for a row of a few hundred bytes this is faster than a call out of JavaScript.
  for (; at + 4 <= end; at += 4) if (view.getInt32(at, true) !== other.getInt32(at + apart, true)) return false;
  for (; at < end; at += 1) if (view.getUint8(at) !== other.getUint8(at + apart)) return false;
  return true;
}

function step(hash: number, word: number): number {
  const mixed = hash ^ scrambled(word);
  return (imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function scrambled(word: number): number {
  const product = imul(word, 0xcc9e2d51);
  return imul((product << 15) | (product >>> 17), 0x1b873593);
}
