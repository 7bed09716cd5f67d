import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AlgebraicType, type ProductType } from 'spacetimedb';
import { parseExactJson, readArguments } from '../src/sats/json-read.ts';
import { satsJson } from '../src/sats/json-write.ts';
import { bsatn } from '../src/sql/scalar.ts';
import { propertyRuns } from './support/property-runs.ts';

type Typed = readonly [type: AlgebraicType, value: unknown];

const integer = (tag: 'U' | 'I', bits: number): fc.Arbitrary<Typed> => {
  const type = AlgebraicType[`${tag}${bits}` as 'U8'] as AlgebraicType;
  const min = tag === 'U' ? 0n : -(2n ** BigInt(bits - 1));
  const max = tag === 'U' ? 2n ** BigInt(bits) - 1n : 2n ** BigInt(bits - 1) - 1n;
  return fc.bigInt(min, max).map((value) => [type, bits <= 32 ? Number(value) : value]);
};

const leaf: fc.Arbitrary<Typed> = fc.oneof(
  ...[8, 16, 32, 64, 128, 256].flatMap((bits) => [integer('U', bits), integer('I', bits)]),
  fc.boolean().map((value): Typed => [AlgebraicType.Bool, value]),
  fc.string({ unit: 'grapheme' }).map((value): Typed => [AlgebraicType.String, value]),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value): Typed => [AlgebraicType.F64, value]),
  fc.uint8Array().map((value): Typed => [AlgebraicType.Array(AlgebraicType.U8), value]),
);

const { typed } = fc.letrec<{ typed: Typed }>((tie) => ({
  typed: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('typed'), { maxLength: 3 }).map((items): Typed => {
      const elements = items.map(([algebraicType], index) => ({ name: `f${index}`, algebraicType }));
      return [
        AlgebraicType.Product({ elements }),
        Object.fromEntries(items.map(([, value], index) => [`f${index}`, value])),
      ];
    }),
    fc.tuple(tie('typed'), fc.boolean()).map(([[type, value], isSome]): Typed => {
      const unit = AlgebraicType.Product({ elements: [] });
      const variants = [
        { name: 'some', algebraicType: type },
        { name: 'none', algebraicType: unit },
      ];
      return [AlgebraicType.Sum({ variants }), isSome && value !== undefined ? value : undefined];
    }),
    fc.tuple(tie('typed'), tie('typed'), fc.boolean()).map(([left, right, isLeft]): Typed => {
      const variants = [
        { name: 'left', algebraicType: left[0] },
        { name: 'right', algebraicType: right[0] },
      ];
      const value = isLeft ? { tag: 'left', value: left[1] } : { tag: 'right', value: right[1] };
      return [AlgebraicType.Sum({ variants }), value];
    }),
  ),
}));

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('SATS-JSON', () => {
  test.each([[true], [false]])('J1 what is written is read back, byte for byte (named: %s)', (named) => {
    fc.assert(
      fc.property(typed, ([type, value]) => {
        const params: ProductType = { elements: [{ name: 'x', algebraicType: type }] };
        const bytes = bsatn(type, value);
        const json = parseExactJson(`[${satsJson(type, bytes, { named })}]`);
        if (json === undefined) throw new Error('no JSON was written');
        const read = readArguments(params, json);
        expect(hex(bsatn(AlgebraicType.Product(params), read))).toBe(hex(bytes));
      }),
      propertyRuns(150),
    );
  });

  test('J2 numbers of every width stay exact', () => {
    expect(parseExactJson('[18446744073709551615, -9223372036854775808, 1, 1.5, 1e3]')).toEqual([
      18446744073709551615n,
      -9223372036854775808n,
      1,
      1.5,
      1000,
    ]);
    expect(satsJson(AlgebraicType.U64, bsatn(AlgebraicType.U64, 2n ** 64n - 1n))).toBe('18446744073709551615');
    expect(parseExactJson('[')).toBeUndefined();
  });
});
