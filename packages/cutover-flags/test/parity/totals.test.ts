import {
  addTotals,
  differencesOf,
  mergeWindows,
  noiseFloor,
  noiseOf,
  overNoise,
  type ParityTotals,
  type ParityWindow,
  parityMeasures,
  totalsOf,
} from '@autopilot/cutover-flags/parity';
import { propertyRuns } from '@autopilot/testing/property-runs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { begun } from './support.ts';

const empty = begun({ pair: 'khala/khala' }).comparator.takeWindow();
const count = fc.nat(1_000);
const few = fc.nat(3);

/** A window as it could come from a unit: the numbers need not be those of a real comparison. */
const anyWindow: fc.Arbitrary<ParityWindow> = fc
  .record({
    from: fc.integer({ min: 0, max: 1_000_000 }),
    length: fc.nat(100_000),
    counts: fc.record({
      ...{ match: count, late: few, ignored: few, mismatch: few, missing_left: few, missing_right: few },
      ...{ extra: few, reordered: few },
    }),
    absent: few,
    foreign: few,
    sampled: few,
    faults: few,
    unequal_chains: few,
  })
  .map(({ from, length, counts, sampled, ...rest }) => {
    const positions = Object.values(counts).reduce((all, one) => all + one, 0) - counts.extra;
    return {
      ...empty,
      ...rest,
      ...{ from, to: from + length, counts, positions },
      offered: { left: positions + sampled, right: positions - counts.missing_right },
      not_compared: { ...empty.not_compared, sampled },
    };
  });

/** What is added in pieces of any size. */
function inPieces(windows: readonly ParityWindow[], size: number): ParityTotals {
  const pieces: ParityTotals[] = [];
  for (let at = 0; at < windows.length; at += size) {
    pieces.push(addTotals(windows.slice(at, at + size).map(totalsOf)));
  }
  return addTotals(JSON.parse(JSON.stringify(pieces)) as ParityTotals[]);
}

test('P38 totals of windows, added in whatever pieces, are judged as the windows are', () => {
  fc.assert(
    fc.property(
      fc.array(anyWindow, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 9 }),
      (windows, size) => {
        const totals = inPieces(windows, size);
        const merged = mergeWindows(windows);
        expect(totals.windows).toBe(windows.length);
        expect([totals.from, totals.to]).toEqual([merged.from, merged.to]);
        expect(parityMeasures(totals)).toEqual(parityMeasures(merged));
        expect(differencesOf(totals)).toBe(differencesOf(merged));
        const [noise, same] = [noiseOf([totals]), noiseFloor(windows)];
        expect({ ...noise, spread: 0 }).toEqual({ ...same, spread: 0 });
        expect(noise.spread).toBeCloseTo(same.spread, 12);
        expect(same.spread).toBeCloseTo(spreadOf(windows, same.rate), 12);
        expect(overNoise(totals, same)).toEqual(overNoise(merged, same));
      },
    ),
    propertyRuns(200),
  );
});

/** The standard deviation by its definition. */
function spreadOf(windows: readonly ParityWindow[], rate: number): number {
  const rates = windows.flatMap((window) => {
    const judged = window.counts.match + differencesOf(window);
    return judged > 0 ? [differencesOf(window) / judged] : [];
  });
  if (rates.length < 2) return 0;
  return Math.sqrt(rates.reduce((all, one) => all + (one - rate) ** 2, 0) / (rates.length - 1));
}

test('P38 many equal rates have no spread', () => {
  const window = { ...empty, counts: { ...empty.counts, match: 997, mismatch: 3 }, positions: 1_000 };
  const totals = inPieces(
    Array.from({ length: 5_000 }, () => window),
    7,
  );
  expect(noiseOf([totals]).spread).toBeLessThan(1e-12);
});

test('P38 totals of different pairs, or none, are not added, and those of two lanes are no noise', () => {
  const [own, other] = [totalsOf(empty), totalsOf({ ...empty, pair: 'khala/spacetime' })];
  expect(() => addTotals([own, other])).toThrow(expect.objectContaining({ code: 'pair_conflict' }));
  expect(() => addTotals([])).toThrow(expect.objectContaining({ code: 'bad_window' }));
  expect(() => noiseOf([other])).toThrow(expect.objectContaining({ code: 'pair_conflict' }));
});
