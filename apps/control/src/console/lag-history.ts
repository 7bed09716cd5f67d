import type { LaneId } from '@autopilot/sync-contract';
import { quantile } from '../cutover/observations.ts';
import type { KnownUnit } from '../cutover/unit-store.ts';

/** How far behind the units were on one lane. Null where no unit has said. */
export interface LaneLag {
  readonly units: number;
  readonly median: number | null;
  readonly p95: number | null;
  readonly max: number | null;
}

/** The lag of both lanes at one time, events. */
export interface LagPoint {
  /** Milliseconds since the Unix epoch, by the clock of the machine. */
  readonly at: number;
  readonly lanes: Readonly<Record<LaneId, LaneLag>>;
}

/** The last hour of lag, in memory: it begins when control starts. */
export interface LagHistory {
  add(units: readonly KnownUnit[], at: number): void;
  readonly points: readonly LagPoint[];
}

const mostPoints = 360;

export function createLagHistory(): LagHistory {
  const points: LagPoint[] = [];
  return {
    add(units, at) {
      points.push({ at, lanes: { khala: lagOf(units, 'khala'), spacetime: lagOf(units, 'spacetime') } });
      if (points.length > mostPoints) points.shift();
    },
    points,
  };
}

function lagOf(units: readonly KnownUnit[], lane: LaneId): LaneLag {
  const lags = units.flatMap(({ heartbeat }) => heartbeat.lag_events[lane] ?? []);
  return {
    units: lags.length,
    median: quantile(lags, 0.5),
    p95: quantile(lags, 0.95),
    max: quantile(lags, 1),
  };
}
