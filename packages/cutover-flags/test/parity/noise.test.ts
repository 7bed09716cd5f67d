import {
  mergeWindows,
  noiseFloor,
  overNoise,
  type ParityWindow,
  parityMeasures,
} from '@autopilot/cutover-flags/parity';
import { expect, test } from '@jest/globals';
import { begun, event } from './support.ts';

/** A run of `total` positions, of which the last `bad` differ. */
function run(pair: ParityWindow['pair'], total: number, bad = 0): ParityWindow {
  const { comparator } = begun({ pair });
  for (let seq = 1; seq <= total; seq += 1) {
    comparator.offer('left', event(seq));
    comparator.offer('right', event(seq, seq > total - bad ? { kind: 'other' } : {}));
  }
  return comparator.takeWindow();
}

const quiet = noiseFloor([run('khala/khala', 100)]);

test('P29 within the noise of the A/A run a comparison passes, beyond it fails', () => {
  expect(overNoise(run('khala/spacetime', 100), quiet)).toMatchObject({ verdict: 'pass', rate: 0, limit: 0 });
  expect(overNoise(run('khala/spacetime', 100, 1), quiet)).toMatchObject({ verdict: 'fail', rate: 0.01 });
  const noisy = noiseFloor([run('khala/khala', 400, 20), run('khala/khala', 400, 24)]);
  expect(noisy).toMatchObject({ windows: 2, positions: 800, differences: 44 });
  expect(overNoise(run('khala/spacetime', 400, 24), noisy).verdict).toBe('pass');
  expect(overNoise(run('khala/spacetime', 400, 60), noisy).verdict).toBe('fail');
  expect(overNoise(run('khala/spacetime', 400, 24), noisy, { sigma: 0 }).verdict).toBe('fail');
});

test.each([
  ['nothing was compared', run('khala/spacetime', 0), quiet, {}],
  ['too little was compared', run('khala/spacetime', 49), quiet, {}],
  ['too little was compared and all of it differs', run('khala/spacetime', 49, 49), quiet, {}],
  ['there is no A/A run', run('khala/spacetime', 100), noiseFloor([]), {}],
  ['the A/A run was empty', run('khala/spacetime', 100), noiseFloor([run('khala/khala', 0)]), {}],
  ['the A/A run was short', run('khala/spacetime', 100), noiseFloor([run('khala/khala', 49)]), {}],
  ['the noise is no number', run('khala/spacetime', 100), { ...quiet, rate: Number.NaN }, {}],
  ['the spread is no number', run('khala/spacetime', 100), { ...quiet, spread: Number.NaN }, {}],
  ['the minimum is no number', run('khala/spacetime', 100), quiet, { minimum: Number.NaN }],
  ['sigma is no number', run('khala/spacetime', 100, 1), quiet, { sigma: Number.NaN }],
  ['a hook threw', { ...run('khala/spacetime', 100), faults: 1 }, quiet, {}],
] as const)('P30 the verdict is inconclusive when %s', (_, window, noise, limits) => {
  expect(overNoise(window, noise, limits).verdict).toBe('inconclusive');
});

test('P30 unequal chains fail even if nothing was counted', () => {
  expect(overNoise({ ...run('khala/spacetime', 100), unequal_chains: 1 }, quiet).verdict).toBe('fail');
});

test('P30 a comparison of two lanes is no A/A run', () => {
  expect(() => noiseFloor([run('khala/spacetime', 100)])).toThrow(expect.objectContaining({ code: 'pair_conflict' }));
});

test('P31 the measures keep the denominators apart', () => {
  const { comparator, time } = begun();
  for (let seq = 1; seq <= 10; seq += 1) {
    comparator.offer('left', event(seq));
    if (seq !== 3) comparator.offer('right', event(seq, seq === 4 ? { kind: 'other' } : {}));
  }
  comparator.offer('left', event(1));
  time.advance(2_000);
  comparator.offer('right', event(3));
  expect(parityMeasures(comparator.report())).toEqual({
    match_ratio: 8 / 11,
    match_denominator: 11,
    positions: 10,
    matched: 8,
    mismatched: 1,
    ignored: 0,
    late: 1,
    one_sided: 1,
    reordered: 0,
    extra: 1,
    not_compared: 0,
    left_out_share: 0,
    sampled_share: 1,
    unequal_chains: 1,
  });
});

test('P31 what was left out is a share of what was offered, and of nothing there is none', () => {
  const not_compared = {
    ...run('khala/spacetime', 0).not_compared,
    sampled: 3,
    forgotten: 2,
    malformed: 1,
    paused: 40,
  };
  const window = { ...run('khala/spacetime', 100), offered: { left: 60, right: 70 }, foreign: 10, not_compared };
  expect(parityMeasures(window).left_out_share).toBe(6 / 120);
  expect(parityMeasures({ ...window, offered: { left: 0, right: 0 }, foreign: 0 }).left_out_share).toBeNaN();
});

test('P31 without a comparison there is no ratio', () => {
  expect(parityMeasures(run('khala/spacetime', 0)).match_ratio).toBeNaN();
});

test('P32 windows of several units add up', () => {
  const windows = [run('khala/spacetime', 10, 1), run('khala/spacetime', 20, 2), run('khala/spacetime', 30)];
  const merged = mergeWindows(windows);
  expect(merged).toMatchObject({
    positions: 60,
    counts: { match: 57, mismatch: 3 },
    mismatched: { kind: 3 },
    offered: { left: 60, right: 60 },
    unequal_chains: 2,
    share: 1,
  });
  expect(merged.samples).toHaveLength(3);
  expect(mergeWindows([mergeWindows(windows.slice(0, 2)), ...windows.slice(2)])).toEqual(merged);
  // Of one life of a stream the unequal chains are kept, whoever saw them.
  expect(merged.streams).toHaveLength(1);
  expect(merged.streams[0]?.left).not.toBe(merged.streams[0]?.right);
});

test('P32 windows of different pairs, or none, are not merged', () => {
  const other = run('khala/khala', 1);
  expect(() => mergeWindows([run('khala/spacetime', 1), other])).toThrow(
    expect.objectContaining({ code: 'pair_conflict' }),
  );
  expect(() => mergeWindows([])).toThrow(expect.objectContaining({ code: 'bad_window' }));
});
