import fc from 'fast-check';

/**
 * Any well-formed text, short code points as likely as long ones. The ready-made unit for it builds a table of all of
 * Unicode first, which takes longer than the test files that want a text.
 */
export const anyText = fc.string({
  unit: fc
    .oneof(
      fc.integer({ min: 0, max: 0x7f }),
      fc.integer({ min: 0x80, max: 0x7ff }),
      fc.integer({ min: 0x800, max: 0xd7ff }),
      fc.integer({ min: 0xe000, max: 0xffff }),
      fc.integer({ min: 0x10000, max: 0x10ffff }),
    )
    .map(
      (point) => String.fromCodePoint(point),
      (unit) => (unit as string).codePointAt(0) ?? 0,
    ),
});
