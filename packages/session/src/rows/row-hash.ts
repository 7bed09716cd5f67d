import { hash as digest } from 'node:crypto';

/** Bytes. The memory that Node reads small frames into is smaller. */
const mostKept = 256 * 1024;
const nothing = new ArrayBuffer(0);
const noView = new DataView(nothing);
// Looking a global up for every word would be most of the time in a vm context, such as that of a test.
const { imul } = Math;

/** Hashes rows by their bytes, and compares them. One serves all rows: it keeps the view over the memory they share. */
export class RowHash {
  readonly strong: boolean;
  #memory: ArrayBufferLike = nothing;
  #view: DataView = noView;

  /** @param strong SHA-256 instead of a few multiplications, which whoever makes the rows could aim at one value. */
  constructor(strong: boolean) {
    this.strong = strong;
  }

  /** 32 bits, as a signed number. */
  of(row: Uint8Array): number {
    return this.strong ? digest('sha256', row, 'buffer').readInt32LE(0) : this.#mixed(row);
  }

  /** Whether a row is there in `other` from `start`. */
  isAt(row: Uint8Array, other: DataView, start: number): boolean {
    const view = this.#viewOf(row);
    const end = row.byteOffset + row.byteLength;
    let at = row.byteOffset;
    let there = start;
    // Four bytes at a time: for a row of a few hundred bytes this is faster than a call out of JavaScript.
    for (; at + 4 <= end; at += 4, there += 4)
      if (view.getInt32(at, true) !== other.getInt32(there, true)) return false;
    for (; at < end; at += 1, there += 1) if (view.getUint8(at) !== other.getUint8(there)) return false;
    return true;
  }

  /** Lets go of the memory of the last row when it is that of a large frame. */
  release(): void {
    if (this.#memory.byteLength <= mostKept) return;
    this.#memory = nothing;
    this.#view = noView;
  }

  /** MurmurHash3, x86, 32 bits. */
  #mixed(row: Uint8Array): number {
    const view = this.#viewOf(row);
    const end = row.byteOffset + row.byteLength;
    let at = row.byteOffset;
    let hash = 0;
    for (; at + 4 <= end; at += 4) {
      hash ^= scrambled(view.getInt32(at, true));
      hash = (hash << 13) | (hash >>> 19);
      hash = (imul(hash, 5) + 0xe6546b64) | 0;
    }
    let tail = 0;
    for (let shift = 0; at < end; at += 1, shift += 8) tail |= view.getUint8(at) << shift;
    hash ^= scrambled(tail) ^ row.byteLength;
    hash = imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }

  #viewOf(row: Uint8Array): DataView {
    if (row.buffer !== this.#memory) {
      this.#memory = row.buffer;
      this.#view = new DataView(row.buffer);
    }
    return this.#view;
  }
}

function scrambled(word: number): number {
  const product = imul(word, 0xcc9e2d51);
  return imul((product << 15) | (product >>> 17), 0x1b873593);
}
