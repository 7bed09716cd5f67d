import { anyText } from '@autopilot/testing/any-text';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlgebraicType, BinaryWriter } from 'spacetimedb';
import { walkOf } from '../../src/engine/bsatn-walk.ts';
import { BTree } from '../../src/engine/btree.ts';
import { keyEncoderOf, keyWriter } from '../../src/engine/sort-key.ts';

const key = fc.integer({ min: 0, max: 400 }).map((value) => value.toString().padStart(4, '0'));
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, value: fc.constant(0) }) },
);

describe('BTree', () => {
  test('holds what a sorted map holds', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 900 }), key, key, (steps, from, to) => {
        const tree = new BTree<number>();
        const model = new Map<string, number>();
        // Compared at the end of a run: an expect at each step costs more than the tree does.
        const wrong: string[] = [];
        for (const { kind, key: at, value } of steps) {
          if (kind === 'set') {
            tree.set(at, value);
            model.set(at, value);
          } else if (tree.delete(at) !== model.delete(at)) {
            wrong.push(at);
          }
        }
        expect(wrong).toEqual([]);
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(tree.size).toBe(model.size);
        expect([...tree.range('', '\uffff')]).toEqual(sorted.map(([, value]) => value));
        expect([...tree.range(from, to)]).toEqual(
          sorted.filter(([at]) => at >= from && at < to).map(([, value]) => value),
        );
        expect(tree.first()?.key).toBe(sorted[0]?.[0]);
        expect(tree.get(from)).toBe(model.get(from));
      }),
      propertyRuns(),
    );
  });

  test.each([
    ['rising', (index: number) => index],
    ['falling', (index: number) => 20_000 - index],
    ['scattered', (index: number) => (index * 7919) % 20_011],
  ])('twenty thousand %s keys go in and out', (_, place) => {
    const tree = new BTree<number>();
    const keys = Array.from({ length: 20_000 }, (_, index) => place(index).toString().padStart(6, '0'));
    for (const [index, at] of keys.entries()) tree.set(at, index);
    expect(tree.size).toBe(20_000);
    const order = [...tree.range('', 'x')].map((index) => keys[index]);
    const sorted = [...keys].sort();
    expect(order).toHaveLength(sorted.length);
    expect(order.findIndex((at, index) => at !== sorted[index])).toBe(-1);
    for (const [index, at] of keys.entries()) if (index % 10 !== 0) tree.delete(at);
    expect([...tree.range('', 'x')]).toHaveLength(2_000);
    for (const at of keys) tree.delete(at);
    expect([tree.size, tree.first(), [...tree.range('', 'x')].length]).toEqual([0, undefined, 0]);
  });
});

function encode(type: AlgebraicType, value: unknown): Uint8Array {
  const writer = new BinaryWriter(32);
  AlgebraicType.makeSerializer(type)(writer, value);
  return writer.getBuffer();
}

function keyOf(type: AlgebraicType, value: unknown): string {
  const bytes = encode(type, value);
  expect(walkOf(type)(bytes, 0)).toBe(bytes.length);
  keyWriter.reset();
  expect(keyEncoderOf(type)(bytes, 0, keyWriter)).toBe(bytes.length);
  return keyWriter.text();
}

/** -1, 0 or 1, by any order that JavaScript's own operators give. */
function order<T extends bigint | number | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function checkOrder<T>(type: AlgebraicType, arbitrary: fc.Arbitrary<T>, compare: (a: T, b: T) => number): void {
  fc.assert(
    fc.property(arbitrary, arbitrary, (a, b) => {
      expect(order(keyOf(type, a), keyOf(type, b))).toBe(compare(a, b));
    }),
  );
}

/** UTF-8 bytes order as code points do. */
function byCodePoints(a: string, b: string): number {
  return Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

describe('sort keys', () => {
  test.each([
    ['U64', AlgebraicType.U64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
    ['I64', AlgebraicType.I64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
    ['I128', AlgebraicType.I128, fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n })],
    ['U256', AlgebraicType.U256, fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })],
  ] as const)('%s orders as its values', (_, type, arbitrary) => {
    checkOrder(type, arbitrary, order);
  });

  test('small integers and floats order as their values', () => {
    checkOrder(AlgebraicType.U16, fc.integer({ min: 0, max: 0xffff }), order);
    checkOrder(AlgebraicType.I8, fc.integer({ min: -128, max: 127 }), order);
    checkOrder(AlgebraicType.F64, fc.double({ noNaN: true }), order);
    checkOrder(AlgebraicType.F32, fc.float({ noNaN: true }), order);
    expect(keyOf(AlgebraicType.F64, -0)).toBe(keyOf(AlgebraicType.F64, 0));
  });

  test('texts order by their UTF-8 bytes, with zero bytes inside too', () => {
    checkOrder(AlgebraicType.String, anyText(), byCodePoints);
    checkOrder(AlgebraicType.String, fc.string({ unit: fc.constantFrom('\0', 'a', '\u0001', '\u00ff') }), byCodePoints);
  });

  test('columns compare one after the other', () => {
    const pair = AlgebraicType.Product({
      elements: [
        { name: 'a', algebraicType: AlgebraicType.String },
        { name: 'b', algebraicType: AlgebraicType.I32 },
      ],
    });
    const short = fc.string({ unit: fc.constantFrom('\0', 'a', 'b'), maxLength: 3 });
    checkOrder(pair, fc.record({ a: short, b: fc.integer({ min: -3, max: 3 }) }), (x, y) =>
      x.a === y.a ? order(x.b, y.b) : byCodePoints(x.a, y.a),
    );
  });

  test('bytes that are no value are refused', () => {
    const faults = [
      [AlgebraicType.U32, [1, 2, 3]],
      [AlgebraicType.Bool, [2]],
      [AlgebraicType.String, [2, 0, 0, 0, 0x61]],
      [AlgebraicType.String, [1, 0, 0, 0, 0xff]],
      [AlgebraicType.Array(AlgebraicType.U16), [2, 0, 0, 0, 1, 0, 1]],
      [AlgebraicType.Sum({ variants: [{ name: 'only', algebraicType: AlgebraicType.U8 }] }), [1, 0]],
    ] as const;
    for (const [type, bytes] of faults) {
      expect(() => walkOf(type)(Uint8Array.from(bytes), 0)).toThrow(expect.objectContaining({ name: 'BsatnFault' }));
    }
  });
});
