import { createHash } from 'node:crypto';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SeenSet } from '../../src/index.ts';
import { withFile } from '../support/bridge-file.ts';

const idOf = (number: number) => createHash('sha256').update(`${number}`).digest('hex');
const hour = 3_600;

describe('the seen-set', () => {
  test('I4 remembers an id over a restart', async () => {
    await withFile((file) => {
      expect([new SeenSet(file, 1_000).add(idOf(1), hour), new SeenSet(file, 1_000).add(idOf(1), hour)]).toEqual([
        'new',
        'duplicate',
      ]);
      expect(new SeenSet(file, 1_000).size).toBe(1);
    });
  });

  test('I5 is bounded: whole hours are forgotten, the oldest first, and nothing of them is taken again', async () => {
    await withFile((file) => {
      const seen = new SeenSet(file, 1_000);
      for (let number = 0; number < 3_000; number += 1) {
        expect(seen.add(idOf(number), hour * (10 + Math.floor(number / 300)))).toBe('new');
        expect(seen.size).toBeLessThanOrEqual(1_000);
      }
      expect(seen.add(idOf(0), hour * 10)).toBe('too-old');
      expect(seen.add(idOf(2_999), hour * 19)).toBe('duplicate');
      const again = new SeenSet(file, 1_000);
      expect([again.floor, again.size]).toEqual([seen.floor, seen.size]);
      expect(again.add(idOf(99_999), hour * 10)).toBe('too-old');
    });
  });

  test('I5 one hour alone is not forgotten: then nothing more of it is taken', async () => {
    await withFile((file) => {
      const seen = new SeenSet(file, 1_000);
      for (let number = 0; number < 1_000; number += 1) seen.add(idOf(number), hour);
      expect([seen.add(idOf(1_000), hour), seen.add(idOf(5), hour), seen.size]).toEqual(['full', 'duplicate', 1_000]);
      expect(seen.add(idOf(1_000), 2 * hour)).toBe('new');
      expect(() => new SeenSet(file, 999)).toThrow(expect.objectContaining({ code: 'invalid_option' }));
    });
  });

  test('I5 no id is ever new twice, whatever comes in whatever order', async () => {
    await withFile((file) => {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(1_500), fc.nat(6)), { minLength: 200, maxLength: 3_000 }), (adds) => {
          file.sqlite.exec('delete from seen; delete from settings');
          const seen = new SeenSet(file, 1_000);
          const taken = new Set<string>();
          for (const [number, at] of adds) {
            const id = idOf(number * 10 + at);
            if (seen.add(id, at * hour) !== 'new') continue;
            expect(taken.has(id)).toBe(false);
            taken.add(id);
          }
          expect(seen.size).toBeLessThanOrEqual(1_000);
        }),
        propertyRuns(15),
      );
    });
  });
});
