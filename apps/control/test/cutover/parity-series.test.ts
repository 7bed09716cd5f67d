import { propertyRuns } from '@autopilot/testing/property-runs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bucketOf } from '../../src/cutover/parity-bucket.ts';
import { seriesOf } from '../../src/cutover/parity-series.ts';
import { windowOf } from '../../src/cutover/parity-window.ts';

const bucket = (begins: number, match: number) => {
  const window = windowOf({
    pair: 'khala/spacetime',
    from: begins - 5,
    to: begins + 3,
    counts: { match, extra: 1 },
    samples: [],
  });
  return { begins, totals: bucketOf(window).totals };
};

test('K18 a series has every window in it, in order, however few its points may be', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 80 }), fc.integer({ min: 1, max: 12 }), (times, most) => {
      const buckets = times.sort((a, b) => a - b).map((time, n) => bucket(time * 10, n));
      const points = seriesOf(buckets, most);
      const sum = (result: 'match' | 'extra') => points.reduce((all, { counts }) => all + counts[result], 0);
      expect([sum('match'), sum('extra')]).toEqual([times.reduce((all, _, n) => all + n, 0), times.length]);
      expect(points.length).toBeLessThanOrEqual(most);
      expect(points.length).toBeGreaterThanOrEqual(Math.min(new Set(times).size, Math.ceil(most / 2)));
      expect(points.map(({ from }) => from)).toEqual(points.map(({ from }) => from).toSorted((a, b) => a - b));
      for (const { from, to } of points) expect(to).toBeGreaterThan(from);
    }),
    propertyRuns(200),
  );
});

test('K18 what has one time is one point, which begins where the buckets do', () => {
  const points = seriesOf([bucket(10, 1), bucket(10, 2), bucket(20, 4)], 300);
  expect(points.map(({ from, to, counts }) => [from, to, counts.match])).toEqual([
    [10, 13, 3],
    [20, 23, 4],
  ]);
});
