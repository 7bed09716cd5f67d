import { addTotals, type ComparisonCounts } from '@autopilot/cutover-flags/parity';
import type { ParityReport } from './parity-store.ts';

/** What was found in one stretch of time. */
export interface ParityPoint {
  /** No window of it ended before. */
  readonly from: number;
  /** When the last of its windows ended. */
  readonly to: number;
  readonly counts: ComparisonCounts;
}

/** A report over time, in at most so many points: what is too much for one point each is put together, none is left out. */
export function seriesOf(buckets: ParityReport['buckets'], most: number): readonly ParityPoint[] {
  const times = [...Map.groupBy(buckets, ({ begins }) => begins)];
  const each = Math.max(1, Math.ceil(times.length / most));
  return Array.from({ length: Math.ceil(times.length / each) }, (_, n): ParityPoint => {
    const together = times.slice(n * each, (n + 1) * each);
    const totals = addTotals(together.flatMap(([, same]) => same.map((bucket) => bucket.totals)));
    return { from: together[0]?.[0] ?? totals.from, to: totals.to, counts: totals.counts };
  });
}
