import { readFileSync } from 'node:fs';
import { anyText } from '@autopilot/testing/any-text';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bucketOf, buckets } from '../../src/cohort/bucket.ts';
import { chiSquarePValue } from '../../src/cohort/chi-square.ts';
import { unitOf } from '../../src/cohort/unit-of.ts';
import { decide } from '../../src/rulebook/decide.ts';
import { env, policy } from '../support/policies.ts';

const golden = JSON.parse(readFileSync(new URL('./fixtures/buckets.json', import.meta.url), 'utf8')) as {
  vectors: { salt: string; unit: string; bucket: number }[];
};
const text = anyText({ minLength: 1 });

describe('buckets', () => {
  test('R12 the buckets are those that another language computed', () => {
    expect(golden.vectors.length).toBeGreaterThan(5);
    for (const { salt, unit, bucket } of golden.vectors)
      expect([salt, unit, bucketOf(salt, unit)]).toEqual([salt, unit, bucket]);
  });

  test('R12 a bucket is a whole number from 0 to 9999 and the same every time', () => {
    fc.assert(
      fc.property(text, text, (salt, unit) => {
        const bucket = bucketOf(salt, unit);
        expect(Number.isInteger(bucket) && bucket >= 0 && bucket < buckets).toBe(true);
        expect(bucketOf(salt, unit)).toBe(bucket);
      }),
    );
  });

  test('R12 similar ids spread evenly over the buckets', () => {
    const counts = new Array<number>(100).fill(0);
    const units = 20_000;
    for (let n = 0; n < units; n += 1) {
      const slot = Math.floor(bucketOf('rollout-1', `desktop-${n}`) / 100);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    const due = units / counts.length;
    const statistic = counts.reduce((sum, count) => sum + (count - due) ** 2 / due, 0);
    expect(chiSquarePValue(statistic, counts.length - 1)).toBeGreaterThan(0.001);
  });

  test('R12 another salt puts the units into other buckets', () => {
    const same = Array.from({ length: 1_000 }, (_, n) => `desktop-${n}`).filter(
      (id) => bucketOf('rollout-1', id) < 1_000 && bucketOf('rollout-2', id) < 1_000,
    );
    // 1 % of them by chance; 10 % when the salt did nothing.
    expect(same.length).toBeLessThan(40);
  });

  test.each([
    ['', 'unit', 'salt'],
    ['salt', '', 'unit'],
    ['salt', '\ud800', 'unit'],
    [undefined as never, 'unit', 'salt'],
  ])('R12 %j and %j are refused', (salt, unit, field) => {
    expect(() => bucketOf(salt, unit)).toThrow(expect.objectContaining({ code: 'invalid_cohort', details: { field } }));
  });
});

describe('cohorts', () => {
  test('R13 a cohort only grows while its share grows, and shrinks to the same units', () => {
    const share = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 100);
    fc.assert(
      fc.property(text, share, share, (id, one, other) => {
        const [small, large] = [Math.min(one, other), Math.max(one, other)];
        const at = (percent: number) => {
          const held = policy({ cohort: { percent } });
          return decide(held, unitOf(id, held, null), env()).lane;
        };
        if (at(small) === 'spacetime') expect(at(large)).toBe('spacetime');
        expect(at(0)).toBe('khala');
        expect(at(100)).toBe('spacetime');
      }),
    );
  });

  test('R13 a share brings in as many units of 10,000 as it says, in steps of 0.01', () => {
    for (const percent of [0, 0.01, 0.29, 0.57, 1.1, 8.2, 33.33, 99.99, 100]) {
      const held = policy({ cohort: { percent } });
      let inside = 0;
      for (let bucket = 0; bucket < buckets; bucket += 1) {
        if (decide(held, { id: 'x', bucket, admitted: false }, env()).lane === 'spacetime') inside += 1;
      }
      expect([percent, inside]).toEqual([percent, Math.round(percent * 100)]);
    }
  });
});
