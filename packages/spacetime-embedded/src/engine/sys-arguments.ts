import { Buffer } from 'node:buffer';
import { types } from 'node:util';

/** An argument of a wrong JavaScript type: the module gets a TypeError of its realm. */
export class WrongArgumentType extends Error {}

/** A length beyond the buffer: the module gets a RangeError of its realm. */
export class ArgumentOutOfRange extends Error {}

/** The row does not fit into the buffer of the module, which grows it and asks again. */
export class BufferTooSmall extends Error {
  readonly needed: number;

  constructor(needed: number) {
    super('the buffer is too small');
    this.needed = needed;
  }
}

export function u32(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new WrongArgumentType(`argument \`${name}\` must be a number`);
  return value >>> 0;
}

export function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new WrongArgumentType(`argument \`${name}\` must be a string`);
  return value;
}

export function bigint(value: unknown, name: string): bigint {
  if (typeof value !== 'bigint') throw new WrongArgumentType(`argument \`${name}\` must be a bigint`);
  return value;
}

/** A view of a whole ArrayBuffer of the module. */
export function wholeBuffer(value: unknown, name: string): Buffer {
  if (!types.isArrayBuffer(value)) throw new WrongArgumentType(`argument \`${name}\` must be an ArrayBuffer`);
  return Buffer.from(value);
}

/** A view of the first `length` bytes of an ArrayBuffer of the module. */
export function bufferOf(value: unknown, length: unknown, name: string): Buffer {
  const buffer = wholeBuffer(value, name);
  const end = u32(length, `${name}_len`);
  if (end > buffer.length) throw new ArgumentOutOfRange('length argument was out of bounds for `ArrayBuffer`');
  return buffer.subarray(0, end);
}

export function byteArray(value: unknown, name: string): Buffer {
  if (!types.isUint8Array(value)) throw new WrongArgumentType(`argument \`${name}\` must be a Uint8Array`);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}
