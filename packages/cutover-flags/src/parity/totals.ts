import { comparisonResults } from './comparison.ts';
import { ParityError } from './errors.ts';
import { notComparedReasons, type ParityWindow, record, shareOf } from './window.ts';

/** What of a window is judged. */
export type Compared = Pick<
  ParityWindow,
  | 'pair'
  | 'from'
  | 'to'
  | 'counts'
  | 'positions'
  | 'absent'
  | 'offered'
  | 'foreign'
  | 'not_compared'
  | 'share'
  | 'faults'
  | 'unequal_chains'
>;

/** How the rate of differences varies between windows, of those that have something to judge. */
export interface RateSpread {
  readonly windows: number;
  readonly mean: number;
  /** Sum of the squared distances from the mean. */
  readonly squares: number;
}

/** What any number of windows of one pair add up to. Plain JSON, and no longer for many of them than for one. */
export interface ParityTotals extends Compared {
  readonly windows: number;
  readonly rates: RateSpread;
}

/**
 * Differences that no rule excuses. A position that was late was missing at first and counts once, as missing; one that
 * came late with other content counts twice.
 */
export function differencesOf({ counts, absent }: Pick<Compared, 'counts' | 'absent'>): number {
  return counts.mismatch + counts.missing_left + counts.missing_right + counts.extra + counts.reordered + absent;
}

/** What could have matched and was not excused. */
export function judgedPositions(compared: Pick<Compared, 'counts' | 'absent'>): number {
  return compared.counts.match + differencesOf(compared);
}

/** The totals of one window. */
export function totalsOf(window: ParityWindow): ParityTotals {
  const { pair, from, to, counts, positions, absent, offered, foreign, not_compared, faults, unequal_chains } = window;
  const judged = judgedPositions(window);
  return {
    ...{ pair, from, to, counts, positions, absent, offered, foreign, not_compared, faults, unequal_chains },
    // As for several of them: counted, not what the window says of itself.
    share: shareOf(offered, foreign, not_compared.sampled),
    windows: 1,
    rates: judged > 0 ? { windows: 1, mean: differencesOf(window) / judged, squares: 0 } : noRates,
  };
}

const noRates: RateSpread = { windows: 0, mean: 0, squares: 0 };
const added = ['windows', 'positions', 'absent', 'foreign', 'faults', 'unequal_chains'] as const;

/**
 * Totals of totals: the same whatever was added first.
 *
 * @throws {ParityError} `pair_conflict` for totals of different pairs, `bad_window` for none.
 */
export function addTotals(all: readonly ParityTotals[]): ParityTotals {
  const [first] = all;
  if (first === undefined) throw new ParityError('bad_window', 'There are no totals to add.');
  if (all.some(({ pair }) => pair !== first.pair)) {
    throw new ParityError('pair_conflict', 'The totals are of different pairs of lanes.', {
      details: { pairs: [...new Set(all.map(({ pair }) => pair))] },
    });
  }
  const sum = (value: (one: ParityTotals) => number): number => all.reduce((total, one) => total + value(one), 0);
  const offered = { left: sum((one) => one.offered.left), right: sum((one) => one.offered.right) };
  const not_compared = record(notComparedReasons, (reason) => sum((one) => one.not_compared[reason]));
  const sums = record(added, (name) => sum((one) => one[name]));
  return {
    ...sums,
    pair: first.pair,
    // Not spread into Math.min: there may be more of them than a call takes arguments.
    from: all.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY),
    to: all.reduce((most, { to }) => Math.max(most, to), Number.NEGATIVE_INFINITY),
    counts: record(comparisonResults, (result) => sum((one) => one.counts[result])),
    offered,
    not_compared,
    share: shareOf(offered, sums.foreign, not_compared.sampled),
    rates: all.map(({ rates }) => rates).reduce(addRates, noRates),
  };
}

/** Spreads of two sets as that of both, without the loss of digits that sums of squares have. */
export function addRates(a: RateSpread, b: RateSpread): RateSpread {
  const windows = a.windows + b.windows;
  if (windows === 0) return noRates;
  const apart = b.mean - a.mean;
  return {
    windows,
    mean: a.mean + (apart * b.windows) / windows,
    squares: a.squares + b.squares + (apart ** 2 * a.windows * b.windows) / windows,
  };
}
