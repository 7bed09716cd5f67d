import fc from 'fast-check';

/** How long a text may be, in units. */
interface TextLength {
  readonly minLength?: number;
  readonly maxLength?: number;
}

// Short code points are as likely as long ones: control characters and what lies beyond the first plane come up often.
const scalar = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0x7ff }),
  fc.integer({ min: 0x800, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0xffff }),
  fc.integer({ min: 0x1_0000, max: 0x10_ffff }),
);
const surrogate = fc.integer({ min: 0xd800, max: 0xdfff });

const textOf = (points: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  points.map(
    (point) => String.fromCodePoint(point),
    (unit) => (unit as string).codePointAt(0) ?? 0,
  );

/** Any code point that a well-formed text may have: the unit of texts, also of those within other values. */
export const anyCharacter: fc.Arbitrary<string> = textOf(scalar);

/**
 * Any well-formed text. fast-check's own unit for it, `binary`, builds a table of all of Unicode first, which takes
 * longer than the test files that want a text.
 */
export function anyText(length: TextLength = {}): fc.Arbitrary<string> {
  return fc.string({ ...length, unit: anyCharacter });
}

/** Anything that a string can hold: well-formed text, and surrogates alone or in the wrong order among it. */
export function anyUtf16(length: TextLength = {}): fc.Arbitrary<string> {
  return fc.string({
    ...length,
    unit: textOf(fc.oneof({ arbitrary: scalar, weight: 5 }, { arbitrary: surrogate, weight: 1 })),
  });
}
