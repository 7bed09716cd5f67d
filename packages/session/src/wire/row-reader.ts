/**
 * Reads the columns of one row, in their order, where the row lies. It is good only until the decoder that got it
 * returns. The methods are named as those of the `BinaryReader` of `spacetimedb`.
 *
 * Each method throws a RangeError when the row ends early.
 */
export interface RowReader {
  /** Bytes that are left. */
  readonly remaining: number;
  readBool(): boolean;
  /** Also the tag of a sum: for an option, 0 is `some`, with the value behind it, and 1 is `none`. */
  readU8(): number;
  readU16(): number;
  readU32(): number;
  /** Also the microseconds of a timestamp that is after 1970, and the bits of anything else of 8 bytes. */
  readU64(): bigint;
  /** Also a connection id. */
  readU128(): bigint;
  /** Also an identity. */
  readU256(): bigint;
  readI8(): number;
  readI16(): number;
  readI32(): number;
  /** Also a timestamp or a duration, in microseconds. */
  readI64(): bigint;
  readI128(): bigint;
  readI256(): bigint;
  readF32(): number;
  readF64(): number;
  readString(): string;
  /** A text that is likely to be the same as in other rows: faster than `readString`, and kept once. */
  readName(): string;
  /** An array of bytes, as a view: copy what is kept. */
  readUInt8Array(): Uint8Array;
  /** The length of an array, whose elements follow. */
  readCount(): number;
  /** Goes past a text or an array of bytes. */
  skipString(): void;
  /** Goes past so many bytes. */
  skip(length: number): void;
  /** All that is left, as a view: copy what is kept. For another decoder. */
  readRest(): Uint8Array;
  /** @throws {RangeError} when something is left. */
  finish(): void;
}
