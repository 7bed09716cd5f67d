import {
  type CutoverState,
  type PlacementFacts,
  type SampleRatio,
  type ServiceFacts,
  sampleRatio,
} from '@autopilot/cutover-flags';
import type { LaneState } from '@autopilot/sync-contract';
import type { CutoverClock } from './cutover-clock.ts';
import type { KnownUnit } from './unit-store.ts';

/** What live units have said, put together. Null: nobody has said it, which is not known. */
export interface FleetObservation {
  /** Name to version; where units differ, all versions, which fit no receipt. */
  readonly packages: Readonly<Record<string, string>>;
  readonly protocols: readonly string[];
  readonly service: ServiceFacts | null;
  readonly sample_ratio: SampleRatio | null;
  readonly placement: PlacementFacts;
  readonly signals: Readonly<Record<string, number | null>>;
}

/**
 * Looks at the live units. `heard` are those of them that were heard of lately; all, when control has listened all along.
 * The others still run what they ran, for all that is known, and have to be settled: what else they said is over.
 */
export function observeFleet(
  live: readonly KnownUnit[],
  state: CutoverState,
  clock: CutoverClock,
  heard: readonly KnownUnit[] = live,
): FleetObservation {
  const service = serviceOf(heard, state, clock);
  const ratio = ratioOf(heard, state);
  return {
    packages: packagesOf(live),
    protocols: [...new Set(live.flatMap(({ heartbeat }) => heartbeat.protocols ?? []))].sort(),
    service,
    sample_ratio: ratio,
    placement: placementOf(live, heard),
    signals: {
      ...signalsOf(heard, state, clock),
      service_p95_ms: service?.p95_ms ?? null,
      error_ratio: service?.error_ratio ?? null,
      sample_ratio_p: ratio?.p ?? null,
    },
  };
}

/** A unit that says nothing of its packages may run any: then no version is known to be the only one. */
function packagesOf(units: readonly KnownUnit[]): Record<string, string> {
  const versions = new Map<string, Set<string>>();
  const silent = units.filter(({ heartbeat }) => Object.keys(heartbeat.packages ?? {}).length === 0).length;
  for (const { heartbeat } of units) {
    for (const [name, version] of Object.entries(heartbeat.packages ?? {})) {
      versions.set(name, (versions.get(name) ?? new Set()).add(version));
    }
  }
  const unknown = silent === 0 ? [] : [`unknown of ${silent} ${silent === 1 ? 'unit' : 'units'}`];
  return Object.fromEntries(
    [...versions].sort().map(([name, set]) => [name, [...[...set].sort(), ...unknown].join(' and ')]),
  );
}

/** Connected, with nothing in which they differ from the published policy and from what control delivered. */
function placementOf(live: readonly KnownUnit[], heard: readonly KnownUnit[]): PlacementFacts {
  const settled = heard.filter(({ drift, heartbeat }) => drift.length === 0 && connected.includes(heartbeat.session));
  return { units: live.length, settled: settled.length };
}

const connected: readonly LaneState[] = ['replaying', 'live'];

/** Only of windows that began after the share last changed: others tell of other units. */
function serviceOf(units: readonly KnownUnit[], state: CutoverState, clock: CutoverClock): ServiceFacts | null {
  const since = clock.toWall(state.cohort_since);
  const windows = units.flatMap(({ heartbeat, last_seen }) => {
    const { latency_ms, lane, previous_at } = heartbeat;
    if (latency_ms === undefined || lane !== 'spacetime' || previous_at === null || previous_at < since) return [];
    return [{ ...latency_ms, from: previous_at, to: last_seen }];
  });
  const samples = sum(windows.map((window) => window.samples));
  if (samples === 0) return null;
  return {
    from: clock.fromWall(Math.min(...windows.map((window) => window.from))),
    to: clock.fromWall(Math.max(...windows.map((window) => window.to))),
    samples,
    // The worst unit's: quantiles cannot be added up.
    p95_ms: Math.max(...windows.filter((window) => window.samples > 0).map((window) => window.p95)),
    error_ratio: sum(windows.map((window) => window.errors)) / samples,
  };
}

/** By the rules that units name: those of the share against those outside it. Listed and flagged units say nothing. */
function ratioOf(units: readonly KnownUnit[], { stage, cohort }: CutoverState): SampleRatio | null {
  if (stage !== 1 || cohort.percent === 0 || cohort.percent === 100) return null;
  const listed = new Set(cohort.include.map((entry) => entry.unit));
  const counted = units.filter(({ unit }) => !listed.has(unit)).map(({ heartbeat }) => heartbeat.rule);
  const inside = counted.filter((rule) => rule === 'S1.3' || rule === 'S1.5').length;
  const outside = counted.filter((rule) => rule === 'S1.2').length;
  return sampleRatio([inside, outside], [cohort.percent, 100 - cohort.percent]);
}

function signalsOf(
  units: readonly KnownUnit[],
  state: CutoverState,
  clock: CutoverClock,
): Record<string, number | null> {
  const onSpacetime = units.filter(({ heartbeat }) => heartbeat.lane === 'spacetime');
  // The larger of what the unit knows and what control sees: one that has stopped reading believes that nothing happens.
  const lags = onSpacetime.flatMap(({ heartbeat: { lag_events, lag_seen } }) => {
    const both = known([lag_events.spacetime, lag_seen]);
    return both.length === 0 ? [] : [Math.max(...both)];
  });
  const p99s = known(onSpacetime.map(({ heartbeat }) => heartbeat.lag_ms_p99));
  const signal = (name: 'reconnects' | 'stale_cursors' | 'auth_failures' | 'auth_attempts') =>
    known(units.map(({ heartbeat }) => heartbeat.signals?.[name]));
  const rates = units.flatMap(({ heartbeat, last_seen }) => {
    const { signals, previous_at } = heartbeat;
    if (signals?.reconnects === undefined || previous_at === null || previous_at >= last_seen) return [];
    return [signals.reconnects / ((last_seen - previous_at) / 1_000)];
  });
  const attempts = sum(signal('auth_attempts'));
  const failures = signal('auth_failures');
  const expiries = known(units.map(({ heartbeat }) => heartbeat.token_expires_at));
  const other = units.filter(({ heartbeat }) => heartbeat.stage !== null && heartbeat.stage !== state.stage);
  const now = clock.toWall(clock.now());
  return {
    lag_events_p95: quantile(lags, 0.95),
    lag_events_max: quantile(lags, 1),
    stale_cursors: orNull(signal('stale_cursors')),
    auth_failure_ratio: attempts > 0 && failures.length > 0 ? sum(failures) / attempts : null,
    reconnects_per_second: orNull(rates),
    lag_seconds_p99: p99s.length === 0 ? null : Math.max(...p99s) / 1_000,
    units_with_other_chain: units.length === 0 ? null : units.filter(({ drift }) => drift.includes('chain')).length,
    disconnected_ratio:
      onSpacetime.length === 0
        ? null
        : onSpacetime.filter(({ heartbeat }) => !connected.includes(heartbeat.session)).length / onSpacetime.length,
    units_on_other_stage: units.length === 0 ? null : other.length,
    token_seconds_left_min: expiries.length === 0 ? null : (Math.min(...expiries) - now) / 1_000,
  };
}

/** The smallest value that so large a share of the values does not exceed; null of none. */
export function quantile(values: readonly number[], share: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

function known(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
}

function orNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : sum(values);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
