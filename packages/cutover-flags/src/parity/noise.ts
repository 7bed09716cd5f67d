import type { Verdict } from '../gates/gate.ts';
import { ParityError } from './errors.ts';
import { addRates, type Compared, differencesOf, judgedPositions, type ParityTotals, totalsOf } from './totals.ts';
import type { ParityWindow } from './window.ts';

/** What two readers of one lane differ in by themselves. */
export interface NoiseFloor {
  /** A/A windows it was measured from. */
  readonly windows: number;
  readonly positions: number;
  readonly differences: number;
  /** Differences per position; NaN when there were none to look at. */
  readonly rate: number;
  /** Standard deviation of the rate between windows; 0 for one window. */
  readonly spread: number;
}

/** What a comparison is held to. */
export interface NoiseLimits {
  /** How many standard deviations above the noise are still noise. Default 3. */
  readonly sigma?: number;
  /** Fewest positions on either run for a verdict. Default 50. */
  readonly minimum?: number;
}

/** A verdict on a comparison against the noise. */
export interface NoiseVerdict {
  readonly verdict: Verdict;
  /** One sentence for a person. */
  readonly reason: string;
  /** Differences per position. */
  readonly rate: number;
  /** The highest rate that still passes. */
  readonly limit: number;
}

/** Measures the noise from windows of A/A runs. */
export function noiseFloor(windows: readonly ParityWindow[]): NoiseFloor {
  return noiseOf(windows.map(totalsOf));
}

/** The same from their totals. */
export function noiseOf(totals: readonly ParityTotals[]): NoiseFloor {
  const notNull = totals.find(({ pair }) => pair.split('/')[0] !== pair.split('/')[1]);
  if (notNull !== undefined) {
    throw new ParityError('pair_conflict', `A window of ${notNull.pair} is not of an A/A run.`);
  }
  const sum = (value: (one: ParityTotals) => number): number => totals.reduce((all, one) => all + value(one), 0);
  const positions = sum(judgedPositions);
  const differences = sum(differencesOf);
  const rate = positions > 0 ? differences / positions : Number.NaN;
  const rates = totals.map((one) => one.rates).reduce(addRates, { windows: 0, mean: 0, squares: 0 });
  // Around the rate of all positions, which is not the mean of the rates where windows differ in length.
  const squares = rates.squares + rates.windows * (rates.mean - rate) ** 2;
  const spread = rates.windows > 1 ? Math.sqrt(squares / (rates.windows - 1)) : 0;
  return { windows: sum((one) => one.windows), positions, differences, rate, spread };
}

/**
 * Whether a comparison differs by more than the noise. Without enough positions on both runs, with a number that is not
 * finite, or with a hook that threw, the verdict is inconclusive; unequal chains without a counted difference fail.
 */
export function overNoise(window: Compared, noise: NoiseFloor, limits: NoiseLimits = {}): NoiseVerdict {
  const { sigma = 3, minimum = 50 } = limits;
  const positions = judgedPositions(window);
  const differences = differencesOf(window);
  const rate = positions > 0 ? differences / positions : Number.NaN;
  const deviation = Math.max(
    noise.spread,
    Math.sqrt(noise.rate * (1 - Math.min(1, noise.rate)) * (1 / positions + 1 / noise.positions)),
  );
  const limit = noise.rate + sigma * deviation;
  const say = (verdict: Verdict, reason: string): NoiseVerdict => ({ verdict, reason, rate, limit });
  if (!(positions >= minimum))
    return say('inconclusive', `${positions} positions were compared; ${minimum} are needed.`);
  if (!(noise.positions >= minimum)) {
    return say('inconclusive', `The A/A run compared ${noise.positions} positions; ${minimum} are needed.`);
  }
  if (![rate, limit, sigma, minimum].every(Number.isFinite)) return say('inconclusive', 'A number is not finite.');
  if (window.faults !== 0) return say('inconclusive', `A hook threw ${window.faults} times: the counts may be wrong.`);
  if (rate > limit) {
    return say('fail', `${differences} differences in ${positions} positions (${show(rate)}) are over ${show(limit)}.`);
  }
  if (window.unequal_chains > 0 && differences === 0) {
    return say('fail', `The chains of ${window.unequal_chains} streams differ, though no difference was counted.`);
  }
  return say('pass', `${differences} differences in ${positions} positions (${show(rate)}) are within ${show(limit)}.`);
}

/** What `parityMeasures` gives: every value is a number, NaN where there is nothing to divide. */
export interface ParityMeasures extends Readonly<Record<string, number>> {
  /** `match / match_denominator`. */
  readonly match_ratio: number;
  /** Positions that no rule excuses, and repeats: what could have matched. */
  readonly match_denominator: number;
  readonly positions: number;
  readonly matched: number;
  readonly mismatched: number;
  readonly ignored: number;
  readonly late: number;
  /** Missing on either side, late ones included, and positions that neither side brought. */
  readonly one_sided: number;
  readonly reordered: number;
  readonly extra: number;
  readonly not_compared: number;
  /** Share of the events that were left out for want of memory or because they were no events. */
  readonly left_out_share: number;
  /** Share of the events that sampling let through. */
  readonly sampled_share: number;
  readonly unequal_chains: number;
}

/** The numbers of a window for the receipt of a gate. Counts are kept apart: one ratio alone would hide a loss. */
export function parityMeasures(window: Compared): ParityMeasures {
  const { counts, offered, foreign, not_compared: left } = window;
  const owned = offered.left + offered.right - foreign;
  const leftOut = left.sampled + left.forgotten + left.too_many_streams + left.malformed;
  const denominator = judgedPositions(window);
  return {
    match_ratio: denominator > 0 ? counts.match / denominator : Number.NaN,
    match_denominator: denominator,
    positions: window.positions,
    matched: counts.match,
    mismatched: counts.mismatch,
    ignored: counts.ignored,
    late: counts.late,
    one_sided: counts.missing_left + counts.missing_right + window.absent,
    reordered: counts.reordered,
    extra: counts.extra,
    not_compared: Object.values(window.not_compared).reduce((all, one) => all + one, 0),
    left_out_share: owned > 0 ? leftOut / owned : Number.NaN,
    sampled_share: window.share ?? Number.NaN,
    unequal_chains: window.unequal_chains,
  };
}

function show(rate: number): string {
  return `${(rate * 100).toPrecision(3)} %`;
}
