import { noiseOf, overNoise, type ParityTotals, parityMeasures } from '@autopilot/cutover-flags/parity';
import type { Metrics } from '../metrics/registry.ts';
import type { Cutover } from './cutover.ts';
import type { CutoverClock } from './cutover-clock.ts';
import type { ParityStore } from './parity-store.ts';
import type { ReceiptStore } from './receipt-store.ts';

/** Values by the names that triggers use; null is not known. */
export type Signals = Readonly<Record<string, number | null>>;

/** What control measures beside what units say of themselves. */
export interface OwnSignalsOptions {
  readonly cutover: Cutover;
  readonly parity: ParityStore;
  readonly receipts: ReceiptStore;
  readonly metrics: Metrics;
  readonly clock: CutoverClock;
  /** How far back comparisons are looked at, milliseconds of the cutover clock. */
  readonly lookBack: number;
}

/** Rates and slopes are over that time, milliseconds of the cutover clock; from so many looks on. */
const span = 600_000;
const fewest = 3;

/** Measures once at each call, given what units have said. What changes over time is known from the third call on. */
export function createOwnSignals(options: OwnSignalsOptions): (fleet: Signals) => Promise<Signals> {
  const { cutover, parity, receipts, metrics, clock } = options;
  const lags: Point[] = [];
  const asked: Point[] = [];
  const failed: Point[] = [];

  async function tokens(now: number): Promise<number | null> {
    const totals = await metrics.totals('cutover_token_issue_total', 'result');
    // What a caller does wrong is no failure of the issuer.
    const failures = (totals.unavailable ?? 0) + (totals.other ?? 0);
    keep(failed, { at: now, value: failures });
    keep(asked, { at: now, value: failures + (totals.issued ?? 0) });
    const attempts = rise(asked);
    return attempts > 0 ? rise(failed) / attempts : null;
  }

  async function evidenceAge(evidence: readonly string[], now: number): Promise<number | null> {
    if (evidence.length === 0) return null;
    const needed = new Set(evidence);
    const found = (await receipts.current()).filter(({ digest }) => needed.has(digest));
    return found.length === 0 ? null : now - Math.min(...found.map(({ observation }) => observation.observed_to));
  }

  return async (fleet) => {
    const state = await cutover.state();
    const now = clock.now();
    const lag = fleet.lag_seconds_p99 ?? null;
    // A gap in what is known ends the slope: what comes after it is another one.
    if (lag === null) lags.length = 0;
    else keep(lags, { at: now, value: lag });
    const since = clock.toWall(Math.max(state.cohort_since, now - options.lookBack));
    const from = clock.toWall(now - options.lookBack);
    const { totals } = await parity.report('khala/spacetime', since);
    const nulls =
      totals === undefined
        ? []
        : [await parity.report('khala/khala', from), await parity.report('spacetime/spacetime', from)];
    return {
      fallback_uses: state.fallback === null ? 0 : 1,
      token_issue_failure_ratio: await tokens(now),
      planned_evidence_age_ms: await evidenceAge(state.flip?.evidence ?? [], now),
      lag_seconds_slope: slopeOf(lags),
      ...paritySignals(
        totals,
        nulls.flatMap((each) => each.totals ?? []),
      ),
    };
  };
}

/**
 * How far the comparison of the lanes is above the noise of a lane against itself. Where no noise was measured none is
 * assumed: a difference is then far above it.
 */
export function paritySignals(totals: ParityTotals | undefined, nulls: readonly ParityTotals[]): Signals {
  if (totals === undefined) return { parity_comparisons: 0, parity_sigma_over_noise: null };
  const parity_comparisons = parityMeasures(totals).match_denominator;
  const noise = noiseOf(nulls);
  // One sigma: how many of them the rate is above the noise.
  const { rate, limit } = overNoise(totals, noise, { sigma: 1, minimum: 1 });
  if (!Number.isFinite(rate)) return { parity_comparisons, parity_sigma_over_noise: null };
  const floor = Number.isFinite(noise.rate) ? noise.rate : 0;
  const sigma = limit - floor;
  const over = sigma > 0 ? (rate - floor) / sigma : Number.MAX_SAFE_INTEGER;
  return { parity_comparisons, parity_sigma_over_noise: rate <= floor ? 0 : over };
}

/** A value at a time of the cutover clock. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

function keep(points: Point[], point: Point): void {
  points.push(point);
  while (points.length > fewest && (points[0]?.at ?? 0) < point.at - span) points.shift();
}

function rise(points: readonly Point[]): number {
  return (points.at(-1)?.value ?? 0) - (points[0]?.value ?? 0);
}

/** Change of the value in a second, by least squares; null of too few points or of no time. */
export function slopeOf(points: readonly Point[]): number | null {
  if (points.length < fewest) return null;
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const at = mean((point) => point.at);
  const value = mean((point) => point.value);
  const spread = mean((point) => (point.at - at) ** 2);
  return spread > 0 ? (mean((point) => (point.at - at) * (point.value - value)) / spread) * 1_000 : null;
}
