import {
  type ComparisonCounts,
  type ComparisonPair,
  comparisonResults,
  type ParityWindow,
} from '@autopilot/cutover-flags/parity';

/** What a unit may say at least of a comparison. */
interface ShortWindow {
  readonly pair: ComparisonPair;
  readonly from: number;
  readonly to: number;
  readonly counts: Readonly<Partial<Record<keyof ComparisonCounts, number>>>;
  readonly samples: readonly unknown[];
}

/** The whole window that a short one stands for: every result is of a position of its own. */
export function windowOf({ pair, from, to, counts: given, samples }: ShortWindow): ParityWindow {
  const counts = Object.fromEntries(
    comparisonResults.map((result) => [result, given[result] ?? 0]),
  ) as ComparisonCounts;
  const repeats = counts.extra;
  const positions = Object.values(counts).reduce((sum, each) => sum + each, 0) - repeats;
  return {
    form: 'autopilot.parity-window.v1',
    pair,
    from,
    to,
    counts,
    positions,
    pairs: counts.match + counts.mismatch,
    repeats,
    revisions: 0,
    absent: 0,
    pending: 0,
    offered: { left: positions - counts.missing_left, right: positions - counts.missing_right },
    foreign: 0,
    not_compared: {
      not_begun: 0,
      before_start: 0,
      paused: 0,
      sampled: 0,
      replayed: 0,
      forgotten: 0,
      too_many_streams: 0,
      malformed: 0,
    },
    mismatched: { payload_hash: counts.mismatch, kind: 0, idempotency_key: 0 },
    sampled: false,
    share: positions === 0 ? null : 1,
    paused: [],
    ignored_by: {},
    overdue_rules: [],
    faults: 0,
    samples: samples as ParityWindow['samples'],
    streams: [],
    unequal_chains: 0,
  };
}
