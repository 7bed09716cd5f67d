import { BinaryReader, type Deserializer } from 'spacetimedb';
import type { Row } from './database.ts';

/** A row that never changes. */
export class StoredRow implements Row {
  readonly bytes: Buffer;
  readonly hash: number;
  /** Keeps rows with equal keys of a non-unique index apart, in the order they came. */
  readonly serial: number;
  readonly #columns: readonly Deserializer<unknown>[];
  #values: readonly unknown[] | undefined;

  constructor(bytes: Buffer, hash: number, serial: number, columns: readonly Deserializer<unknown>[]) {
    this.bytes = bytes;
    this.hash = hash;
    this.serial = serial;
    this.#columns = columns;
  }

  get values(): readonly unknown[] {
    if (this.#values === undefined) {
      const reader = new BinaryReader(this.bytes);
      this.#values = this.#columns.map((read) => read(reader));
    }
    return this.#values;
  }
}

/** A hash of bytes, mixed four at a time, for maps in memory only. */
export function hashBytes(bytes: Uint8Array, seed: number): number {
  let hash = seed ^ bytes.length;
  let index = 0;
  for (; index + 4 <= bytes.length; index += 4) {
    const word =
      (bytes[index] as number) |
      ((bytes[index + 1] as number) << 8) |
      ((bytes[index + 2] as number) << 16) |
      ((bytes[index + 3] as number) << 24);
    hash = mix(hash, word);
  }
  let tail = 0;
  for (; index < bytes.length; index += 1) tail = (tail << 8) | (bytes[index] as number);
  hash = mix(hash, tail);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) | 0;
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** A set of rows by their bytes. Iterates in the order of first insertion of each hash. */
export class RowSet<R extends { readonly bytes: Buffer; readonly hash: number } = StoredRow> implements Iterable<R> {
  readonly #byHash = new Map<number, R | R[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  find(bytes: Buffer, hash: number): R | undefined {
    const slot = this.#byHash.get(hash);
    if (slot === undefined) return undefined;
    if (Array.isArray(slot)) return slot.find((row) => row.bytes.equals(bytes));
    return slot.bytes.equals(bytes) ? slot : undefined;
  }

  /** The row must not be in the set yet. */
  add(row: R): void {
    const slot = this.#byHash.get(row.hash);
    if (slot === undefined) this.#byHash.set(row.hash, row);
    else if (Array.isArray(slot)) slot.push(row);
    else this.#byHash.set(row.hash, [slot, row]);
    this.#size += 1;
  }

  delete(row: R): boolean {
    const slot = this.#byHash.get(row.hash);
    if (slot === undefined) return false;
    if (!Array.isArray(slot)) {
      if (slot !== row) return false;
      this.#byHash.delete(row.hash);
    } else {
      const at = slot.indexOf(row);
      if (at === -1) return false;
      slot.splice(at, 1);
      if (slot.length === 0) this.#byHash.delete(row.hash);
    }
    this.#size -= 1;
    return true;
  }

  *[Symbol.iterator](): Generator<R, void> {
    for (const slot of this.#byHash.values()) {
      if (Array.isArray(slot)) yield* slot;
      else yield slot;
    }
  }
}
