import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BinaryWriter } from 'spacetimedb';
import { decodeRows } from '../src/rows/decode-rows.ts';
import { RowBag } from '../src/rows/row-bag.ts';
import { BsatnReader } from '../src/wire/bsatn-reader.ts';
import type { RowReader } from '../src/wire/row-reader.ts';
import { noSlices } from '../src/wire/row-slices.ts';
import { slicesOf } from './support/row-slices.ts';

const signed = (bits: bigint) => fc.bigInt({ min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n });
const unsigned = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
const whole = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });

const row = fc.record({
  bool: fc.boolean(),
  u8: fc.nat({ max: 0xff }),
  u16: fc.nat({ max: 0xffff }),
  u32: fc.nat({ max: 0xffff_ffff }),
  u64: unsigned(64n),
  u128: unsigned(128n),
  u256: unsigned(256n),
  i8: whole(8),
  i16: whole(16),
  i32: whole(32),
  i64: signed(64n),
  i128: signed(128n),
  i256: signed(256n),
  f32: fc.float(),
  f64: fc.double(),
  text: fc.string({ unit: 'grapheme' }),
  name: fc.string({ unit: 'grapheme' }),
  blob: fc.uint8Array(),
  list: fc.array(fc.nat({ max: 0xffff })),
  rest: fc.uint8Array(),
});
type Row = typeof row extends fc.Arbitrary<infer Value> ? Value : never;

/** As the official codec writes it. */
function encoded(value: Row): Uint8Array {
  const writer = new BinaryWriter(64);
  writer.writeBool(value.bool);
  writer.writeU8(value.u8);
  writer.writeU16(value.u16);
  writer.writeU32(value.u32);
  writer.writeU64(value.u64);
  writer.writeU128(value.u128);
  writer.writeU256(value.u256);
  writer.writeI8(value.i8);
  writer.writeI16(value.i16);
  writer.writeI32(value.i32);
  writer.writeI64(value.i64);
  writer.writeI128(value.i128);
  writer.writeI256(value.i256);
  writer.writeF32(value.f32);
  writer.writeF64(value.f64);
  writer.writeString(value.text);
  writer.writeString(value.name);
  writer.writeUInt8Array(value.blob);
  writer.writeU32(value.list.length);
  for (const each of value.list) writer.writeU16(each);
  return new Uint8Array([...writer.getBuffer(), ...value.rest]);
}

function decoded(reader: RowReader): Row {
  return {
    bool: reader.readBool(),
    u8: reader.readU8(),
    u16: reader.readU16(),
    u32: reader.readU32(),
    u64: reader.readU64(),
    u128: reader.readU128(),
    u256: reader.readU256(),
    i8: reader.readI8(),
    i16: reader.readI16(),
    i32: reader.readI32(),
    i64: reader.readI64(),
    i128: reader.readI128(),
    i256: reader.readI256(),
    f32: reader.readF32(),
    f64: reader.readF64(),
    text: reader.readString(),
    name: reader.readName(),
    blob: Uint8Array.from(reader.readUInt8Array()),
    list: Array.from({ length: reader.readCount() }, () => reader.readU16()),
    rest: Uint8Array.from(reader.readRest()),
  };
}

describe('RowReader', () => {
  test('reads every type of column as the official codec writes it', () => {
    fc.assert(
      fc.property(row, (value) => {
        const reader = new BsatnReader().begin(encoded(value));
        expect(decoded(reader)).toEqual(value);
        expect(() => reader.finish()).not.toThrow();
      }),
    );
  });

  test('rows are the same from where they are kept, from a frame, and as views', () => {
    const reader = new BsatnReader();
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), (values) => {
        const rows = slicesOf(values.map(encoded));
        const [change] = new RowBag().apply([{ table: 't', inserts: rows, deletes: noSlices, events: rows }]);
        const read = (list: Parameters<typeof decodeRows>[2]) =>
          decodeRows(reader, 't', list, (_table, each) => decoded(each));
        // A bag has each row once.
        const once = values.filter((value, at) => values.findIndex((other) => isSame(other, value)) === at);
        expect(read(change?.inserts ?? [])).toEqual(once);
        expect(read([...(change?.inserts ?? [])])).toEqual(once);
        expect(read(change?.events ?? [])).toEqual(values);
        expect(change?.events.at(-1)).toEqual(change?.events.at(values.length - 1));
        expect(change?.events.at(values.length)).toBeUndefined();
      }),
    );
  });

  test('a row that ends early is refused', () => {
    const [value] = fc.sample(row, { numRuns: 1, seed: 1 });
    if (value === undefined) throw new Error('no row');
    const bytes = encoded({ ...value, rest: new Uint8Array() });
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => decoded(new BsatnReader().begin(bytes.subarray(0, end)))).toThrow(RangeError);
    }
    expect(() => new BsatnReader().begin(bytes).finish()).toThrow(RangeError);
  });
});

function isSame(one: Row, other: Row): boolean {
  return Buffer.compare(encoded(one), encoded(other)) === 0;
}
