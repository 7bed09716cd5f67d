import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chiSquarePValue } from '../../src/cohort/chi-square.ts';
import { sampleRatio } from '../../src/cohort/sample-ratio.ts';

const known = JSON.parse(readFileSync(new URL('./fixtures/chi-square.json', import.meta.url), 'utf8')) as {
  vectors: { statistic: number; degrees: number; p: number }[];
};

describe('sample ratio', () => {
  test('R15 the chance is the one that scipy computed', () => {
    expect(known.vectors.length).toBeGreaterThan(10);
    for (const { statistic, degrees, p } of known.vectors) {
      expect(Math.abs(chiSquarePValue(statistic, degrees) / p - 1)).toBeLessThan(1e-9);
    }
  });

  test('R15 the chance falls while the statistic grows, from 1 to 0', () => {
    const statistic = fc.double({ min: 0, max: 500, noNaN: true });
    fc.assert(
      fc.property(statistic, statistic, fc.integer({ min: 1, max: 50 }), (one, other, degrees) => {
        const small = chiSquarePValue(Math.min(one, other), degrees);
        const large = chiSquarePValue(Math.max(one, other), degrees);
        expect(small).toBeGreaterThanOrEqual(large - 1e-12);
        expect(small).toBeLessThanOrEqual(1);
        expect(large).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(chiSquarePValue(0, 1)).toBe(1);
    expect(chiSquarePValue(Number.POSITIVE_INFINITY, 1)).toBe(0);
    for (const [x, k] of [
      [Number.NaN, 1],
      [-1, 1],
      [1, 0],
      [1, 1.5],
    ] as const)
      expect(chiSquarePValue(x, k)).toBeNaN();
  });

  test.each([
    [[520, 480], [50, 50], 'pass', 1.6, 0.20590321073206466],
    [[60, 940], [10, 90], 'fail', 17.77777777777778, 2.482660633880463e-5],
    [[430, 570], [1, 1], 'fail', 19.6, 9.54e-6],
    [[20, 25, 55], [25, 25, 50], 'pass', 1.5, 0.4723665527410147],
  ] as const)('R15 %j of %j is a %s', (observed, expected, verdict, statistic, p) => {
    const found = sampleRatio(observed, expected);
    expect(found).toMatchObject({ verdict, samples: observed.reduce((sum: number, n) => sum + n, 0) });
    expect(found.chi_square).toBeCloseTo(statistic, 9);
    expect(found.p).toBeCloseTo(p, 7);
  });

  test('R15 it holds below 0.001 and not at or above it', () => {
    // chi-square of 1,000 units halved: (2 d)^2 / 1000 per group; p crosses 0.001 between d = 52 and d = 53.
    expect(sampleRatio([552, 448], [1, 1]).verdict).toBe('pass');
    expect(sampleRatio([553, 447], [1, 1]).verdict).toBe('fail');
  });

  test.each([
    ['no samples', [0, 0], [50, 50]],
    ['too few samples', [49, 0], [50, 50]],
    ['too few expected in a group', [100, 0], [96, 4]],
    ['a count that is no number', [Number.NaN, 500], [50, 50]],
    ['an endless count', [Number.POSITIVE_INFINITY, 500], [50, 50]],
    ['a negative count', [-1, 500], [50, 50]],
    ['half a unit', [0.5, 500], [50, 50]],
    ['a share of zero', [500, 500], [0, 100]],
    ['a share that is no number', [500, 500], [Number.NaN, 50]],
    ['an endless share', [500, 500], [Number.POSITIVE_INFINITY, 50]],
    ['one group', [500], [100]],
    ['groups that do not pair', [500, 500], [100]],
    ['nothing', [], []],
  ])('R15 %s is inconclusive', (_what, observed, expected) => {
    const found = sampleRatio(observed, expected);
    expect(found).toMatchObject({ verdict: 'inconclusive', chi_square: null, p: null });
    expect(found.reason).not.toBe('');
    expect(Number.isFinite(found.samples)).toBe(true);
  });

  test('R15 a pass always rests on enough samples and a finite p of 0.001 or more', () => {
    const count = fc.oneof(fc.nat(2_000), fc.constantFrom(Number.NaN, Infinity, -1, 0));
    const groups = fc.array(count, { maxLength: 4 });
    fc.assert(
      fc.property(groups, groups, (observed, expected) => {
        const found = sampleRatio(observed, expected);
        if (found.verdict === 'inconclusive') return;
        expect(found.samples).toBeGreaterThanOrEqual(50);
        expect(Number.isFinite(found.p)).toBe(true);
        expect(found.verdict).toBe((found.p ?? Number.NaN) >= 0.001 ? 'pass' : 'fail');
      }),
    );
  });
});
