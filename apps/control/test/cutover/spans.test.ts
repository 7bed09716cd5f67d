import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addBuckets, bucketLengthOf, bucketOf } from '../../src/cutover/parity-bucket.ts';
import { windowOf } from '../../src/cutover/parity-window.ts';
import { bridged, joined, lengthOf, longest, type Span } from '../../src/cutover/spans.ts';

const spans = fc.array(
  fc.tuple(fc.nat(200), fc.nat(30)).map(([from, length]): Span => [from, from + length]),
  { maxLength: 40 },
);

/** Every half of a moment that a span holds. */
function moments(of: readonly Span[]): Set<number> {
  const held = new Set<number>();
  for (const [from, to] of of) for (let at = from; at < to; at += 0.5) held.add(at);
  return held;
}

describe('spans of time', () => {
  test('K18 joined spans hold the same moments, each once and in order', () => {
    fc.assert(
      fc.property(spans, (given) => {
        const union = joined(given);
        expect(moments(union)).toEqual(moments(given));
        expect(lengthOf(union)).toBe(moments(given).size / 2);
        for (const [index, [from]] of union.slice(1).entries()) expect(from).toBeGreaterThan(union[index]?.[1] ?? from);
      }),
      propertyRuns(200),
    );
  });

  test('K18 too many spans of a bucket say less than was seen, never more; as few as there are say the same', () => {
    fc.assert(
      fc.property(spans, fc.integer({ min: 1, max: 8 }), (given, most) => {
        const union = joined(given);
        const kept = longest(union, most);
        expect(kept.length).toBe(Math.min(most, union.length));
        expect(union.filter((span) => kept.includes(span))).toEqual(kept);
        const lengths = union.map((span) => lengthOf([span])).sort((a, b) => b - a);
        expect(lengthOf(kept)).toBe(lengths.slice(0, most).reduce((sum, each) => sum + each, 0));
      }),
      propertyRuns(200),
    );
  });

  test('K17 too many spans of deleted windows become fewer that still hold each of them', () => {
    fc.assert(
      fc.property(spans, fc.integer({ min: 1, max: 8 }), (given, most) => {
        const held = bridged(given, most);
        expect(held.length).toBeLessThanOrEqual(most);
        for (const [from, to] of given) expect(held.some((span) => span[0] <= from && to <= span[1])).toBe(true);
        // Nothing beyond the ends of what was given, and no gap is closed while there is room.
        const ends = given.flat();
        expect(held.flat().every((end) => ends.includes(end))).toBe(true);
        if (joined(given).length > most || given.length === 0) return;
        expect(lengthOf(bridged(given, 100))).toBe(lengthOf(joined(given)));
      }),
      propertyRuns(200),
    );
  });

  test('K17 the shortest gaps are closed first', () => {
    expect(
      bridged(
        [
          [0, 1],
          [90, 91],
          [3, 4],
          [100, 101],
        ],
        2,
      ),
    ).toEqual([
      [0, 4],
      [90, 101],
    ]);
  });

  test('K18 a bucket keeps no more than 200 spans, and no length that was not there', () => {
    const windows = Array.from({ length: 500 }, (_, n) =>
      windowOf({
        pair: 'khala/khala',
        from: n * 10,
        to: n * 10 + (n < 250 ? 4 : 1),
        counts: { match: 1 },
        samples: [],
      }),
    );
    const { covered, totals } = addBuckets(windows.map(bucketOf));
    expect([covered.length, lengthOf(covered), totals.windows]).toEqual([200, 800, 500]);
  });

  test.each([
    [1, 300_000],
    [20, 15_000],
    [7, 42_858],
    [80_000, 500],
  ])(
    'K18 a bucket is five minutes of a clock that runs %d times as fast, and half a second at least',
    (rate, length) => {
      expect(bucketLengthOf(rate)).toBe(length);
    },
  );
});
