import type { RawRows } from './row-list.ts';
import type { RowReader } from './row-reader.ts';
import { noSlices, RowSlices } from './row-slices.ts';
import { TextCache } from './text-cache.ts';

/** Bytes. The memory that Node reads small frames into is smaller. */
const mostKept = 256 * 1024;
const nothing = new Uint8Array(0);
const twoTo32 = 2 ** 32;

/**
 * Reads BSATN values where they lie in a frame. One reader serves frame after frame and row after row: it keeps its views
 * over the memory that they share, so that a row costs no object but its own. The methods are named as those
 * of the `BinaryReader` of `spacetimedb`.
 *
 * Each of them throws a {@link RangeError} when what was begun with ends early.
 */
export class BsatnReader implements RowReader {
  readonly #names = new TextCache();
  #memory: ArrayBufferLike = new ArrayBuffer(0);
  #bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#memory);
  /** In the memory, and not in what was begun with. */
  #at = 0;
  #end = 0;

  /** Begins with other bytes, after the first `from` of them. They are not copied, and must not change while read. */
  begin(bytes: Uint8Array, from = 0): this {
    const { buffer, byteOffset, byteLength } = bytes;
    // The rows of a frame lie in the same memory, and so do most small frames.
    if (buffer !== this.#memory) this.#move(new DataView(buffer));
    this.#at = byteOffset + from;
    this.#end = byteOffset + byteLength;
    return this;
  }

  /** Begins with each row of a list in turn, where it lies, and lets go of it. */
  eachRow(rows: RawRows, read: (reader: this) => void): void {
    for (let index = 0; index < rows.length; index += 1) {
      const view = rows.viewOf(index);
      if (view.buffer !== this.#memory) this.#move(view);
      this.#at = rows.startOf(index);
      this.#end = rows.endOf(index);
      read(this);
    }
    this.release();
  }

  /** Lets go of a large frame, which would otherwise stay in memory until the next one is begun with. */
  release(): void {
    if (this.#memory.byteLength > mostKept) this.begin(nothing);
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  /** @throws {RangeError} when something is left. */
  finish(): void {
    if (this.#at < this.#end) throw new RangeError(`${this.remaining} bytes left after the value.`);
  }

  /** Goes past `length` bytes. */
  skip(length: number): void {
    this.#take(length);
  }

  readRest(): Uint8Array {
    return this.readBytes(this.remaining);
  }

  readBool(): boolean {
    return this.readU8() !== 0;
  }

  readU8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  readU16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  readU32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  readU64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  readI64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  readU128(): bigint {
    return this.readU64() | (this.readU64() << 64n);
  }

  readU256(): bigint {
    return this.readU128() | (this.readU128() << 128n);
  }

  readI8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  readI16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  readI32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  readI128(): bigint {
    return BigInt.asIntN(128, this.readU128());
  }

  readI256(): bigint {
    return BigInt.asIntN(256, this.readU256());
  }

  readF32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  readF64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A view. */
  readBytes(length: number): Uint8Array {
    return new Uint8Array(this.#memory, this.#take(length), length);
  }

  /**
   * A text. A byte order mark is a character like any other, unlike in `BinaryReader`: what was hashed must stay what it
   * was. Decoded by Buffer where it lies: TextDecoder wants a view, and is made anew for each text there.
   */
  readString(): string {
    const start = this.#take(this.readU32());
    return this.#bytes.toString('utf8', start, this.#at);
  }

  /** A text that is likely to be the same as before. */
  readName(): string {
    const start = this.#take(this.readU32());
    return this.#names.read(this.#bytes, start, this.#at);
  }

  /** Goes past a text. */
  skipString(): void {
    this.#take(this.readU32());
  }

  /** An element count. Every element takes at least one byte, so a count beyond the rest is refused before any loop. */
  readCount(): number {
    const count = this.readU32();
    if (count > this.remaining) throw new RangeError(`${count} elements announced, ${this.remaining} bytes are left.`);
    return count;
  }

  /** Length-prefixed bytes as a view. */
  readUInt8Array(): Uint8Array {
    return this.readBytes(this.readU32());
  }

  /** A BsatnRowList. */
  readRowList(): RowSlices {
    const hint = this.readU8();
    if (hint === 0) return this.#fixedRows();
    if (hint !== 1) throw new RangeError(`Unknown row size hint ${hint}.`);
    const count = this.readU32();
    const offsets = this.#take(count * 8);
    const size = this.readU32();
    const data = this.#take(size);
    if (count === 0) return noSlices;
    let start = this.#offsetAt(offsets);
    const bounds = [data + start];
    for (let index = 1; index <= count; index += 1) {
      const end = index < count ? this.#offsetAt(offsets + index * 8) : size;
      if (start > end || end > size) throw new RangeError(`Row ${index - 1} lies outside of its list.`);
      bounds.push(data + end);
      start = end;
    }
    return new RowSlices(this.#view, bounds);
  }

  #fixedRows(): RowSlices {
    const each = this.readU16();
    const size = this.readU32();
    const data = this.#take(size);
    if (size === 0) return noSlices;
    if (each === 0 || size % each !== 0) throw new RangeError(`${size} bytes do not hold rows of ${each}.`);
    const bounds = [data];
    for (let at = each; at <= size; at += each) bounds.push(data + at);
    return new RowSlices(this.#view, bounds);
  }

  /** A u64 without making a bigint of it. Beyond 2^53 it is not exact, but beyond every frame as well. */
  #offsetAt(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * twoTo32;
  }

  #move(view: DataView): void {
    this.#memory = view.buffer;
    this.#bytes = Buffer.from(view.buffer);
    this.#view = view;
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#end) {
      throw new RangeError(`Tried to read ${length} bytes, but only ${this.remaining} are left.`);
    }
    this.#at = start + length;
    return start;
  }
}
