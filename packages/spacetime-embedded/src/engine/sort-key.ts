import { Buffer } from 'node:buffer';
import type { AlgebraicType } from 'spacetimedb';
import { BsatnFault, lengthAt } from './bsatn-walk.ts';

/** Sorts behind every key that begins like the text before it: keys hold bytes only. */
export const afterAll = '\u0100';

/** Reads one value at `at`, writes its sortable form and returns where the value ends. */
export type KeyEncoder = (bytes: Uint8Array, at: number, out: KeyWriter) => number;

/**
 * Collects bytes of a key. Keys compare as their bytes do, and the form of a value is never the beginning of the form
 * of another value of its type, so keys of several columns compare column by column.
 */
export class KeyWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  reset(): void {
    this.#length = 0;
  }

  byte(value: number): void {
    if (this.#length === this.#buffer.length) {
      const larger = Buffer.allocUnsafe(this.#buffer.length * 2);
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    this.#buffer[this.#length] = value;
    this.#length += 1;
  }

  /** The key as a string with one character per byte. */
  text(): string {
    return this.#buffer.toString('latin1', 0, this.#length);
  }
}

/** The shared writer: keys are made one at a time. */
export const keyWriter = new KeyWriter();

/** Builds the encoder for a type without references. The bytes must have been checked against the type before. */
export function keyEncoderOf(type: AlgebraicType): KeyEncoder {
  switch (type.tag) {
    case 'Bool':
    case 'U8':
      return unsigned(1);
    case 'U16':
      return unsigned(2);
    case 'U32':
      return unsigned(4);
    case 'U64':
      return unsigned(8);
    case 'U128':
      return unsigned(16);
    case 'U256':
      return unsigned(32);
    case 'I8':
      return signed(1);
    case 'I16':
      return signed(2);
    case 'I32':
      return signed(4);
    case 'I64':
      return signed(8);
    case 'I128':
      return signed(16);
    case 'I256':
      return signed(32);
    case 'F32':
      return float(4);
    case 'F64':
      return float(8);
    case 'String':
      return encodeBytes;
    case 'Array':
      return type.value.tag === 'U8' ? encodeBytes : array(keyEncoderOf(type.value));
    case 'Product':
      return product(type.value.elements.map((element) => keyEncoderOf(element.algebraicType)));
    case 'Sum':
      return sum(type.value.variants.map((variant) => keyEncoderOf(variant.algebraicType)));
    case 'Ref':
      throw new BsatnFault('a reference was left unresolved');
  }
}

function unsigned(size: number): KeyEncoder {
  return (bytes, at, out) => {
    for (let index = at + size - 1; index >= at; index -= 1) out.byte(bytes[index] as number);
    return at + size;
  };
}

function signed(size: number): KeyEncoder {
  return (bytes, at, out) => {
    out.byte((bytes[at + size - 1] as number) ^ 0x80);
    for (let index = at + size - 2; index >= at; index -= 1) out.byte(bytes[index] as number);
    return at + size;
  };
}

function float(size: number): KeyEncoder {
  return (bytes, at, out) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const value = size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true);
    const scratch = new DataView(new ArrayBuffer(8));
    // One form for every NaN, and one for both zeros.
    scratch.setFloat64(0, Number.isNaN(value) ? Number.NaN : value === 0 ? 0 : value);
    const negative = !Number.isNaN(value) && value < 0;
    for (let index = 0; index < 8; index += 1) {
      const byte = scratch.getUint8(index);
      out.byte(negative ? byte ^ 0xff : index === 0 ? byte | 0x80 : byte);
    }
    return at + size;
  };
}

const encodeBytes: KeyEncoder = (bytes, at, out) => {
  const end = at + 4 + lengthAt(bytes, at);
  for (let index = at + 4; index < end; index += 1) {
    const byte = bytes[index] as number;
    out.byte(byte);
    // 00 00 ends a text, so a zero byte inside becomes 00 ff.
    if (byte === 0) out.byte(0xff);
  }
  out.byte(0);
  out.byte(0);
  return end;
};

function array(element: KeyEncoder): KeyEncoder {
  return (bytes, at, out) => {
    const count = lengthAt(bytes, at);
    let end = at + 4;
    for (let index = 0; index < count; index += 1) {
      out.byte(1);
      end = element(bytes, end, out);
    }
    out.byte(0);
    return end;
  };
}

function product(elements: readonly KeyEncoder[]): KeyEncoder {
  return (bytes, at, out) => {
    let end = at;
    for (const element of elements) end = element(bytes, end, out);
    return end;
  };
}

function sum(variants: readonly KeyEncoder[]): KeyEncoder {
  return (bytes, at, out) => {
    const tag = bytes[at] as number;
    const variant = variants[tag];
    if (variant === undefined) throw new BsatnFault('a sum has an unknown tag');
    out.byte(tag);
    return variant(bytes, at + 1, out);
  };
}
