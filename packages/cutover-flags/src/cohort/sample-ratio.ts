import type { Verdict } from '../gates/gate.ts';
import { chiSquarePValue } from './chi-square.ts';

/** A chance below this holds the rollout: the units do not arrive in the shares that were configured. */
export const sampleRatioThreshold = 0.001;

/** Fewer than this many units in all, or an expected group below {@link leastExpected}, say nothing. */
export const leastSamples = 50;

/** The least that is expected in every group for the test to hold (Cochran's rule). */
export const leastExpected = 5;

/** What the test found. `fail` holds the rollout; `inconclusive` promotes nothing. */
export interface SampleRatio {
  readonly verdict: Verdict;
  /** For a person: one sentence. */
  readonly reason: string;
  readonly samples: number;
  /** Null when there was nothing to compute them from. */
  readonly chi_square: number | null;
  readonly p: number | null;
}

/**
 * Compares how many units were seen in each group with the shares that were configured, by Pearson's chi-square test.
 * `observed` are counts, `expected` are shares or weights of any sum, e.g. `[percent, 100 - percent]`. A share of 0 or
 * 100 % leaves nothing to test.
 */
export function sampleRatio(observed: readonly number[], expected: readonly number[]): SampleRatio {
  const samples = sum(observed);
  const weight = sum(expected);
  const inconclusive = (reason: string): SampleRatio => ({
    verdict: 'inconclusive',
    reason,
    samples: Number.isFinite(samples) ? samples : 0,
    chi_square: null,
    p: null,
  });
  if (observed.length !== expected.length || observed.length < 2)
    return inconclusive('There are no two groups to compare.');
  if (!observed.every((count) => Number.isSafeInteger(count) && count >= 0)) {
    return inconclusive('A count is not a whole number from 0.');
  }
  if (!expected.every((share) => share > 0 && Number.isFinite(share))) {
    return inconclusive('A share is not a finite number above 0.');
  }
  if (samples < leastSamples) return inconclusive(`${samples} units are too few; ${leastSamples} are needed.`);
  const due = expected.map((share) => (samples * share) / weight);
  const least = Math.min(...due);
  if (!(least >= leastExpected)) {
    return inconclusive(`A group expects ${least.toFixed(1)} units; ${leastExpected} are needed.`);
  }
  const statistic = sum(due.map((count, group) => ((observed[group] ?? Number.NaN) - count) ** 2 / count));
  const p = chiSquarePValue(statistic, observed.length - 1);
  if (!Number.isFinite(p)) return inconclusive('The test gave no number.');
  const fails = p < sampleRatioThreshold;
  const compared = `p = ${p.toPrecision(3)} ${fails ? 'is below' : 'is not below'} ${sampleRatioThreshold}`;
  return { verdict: fails ? 'fail' : 'pass', reason: `${compared}.`, samples, chi_square: statistic, p };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
