import { initialState } from '@autopilot/cutover-flags';
import { expect, test } from '@jest/globals';
import { observeFleet } from '../../src/cutover/observations.ts';
import type { KnownUnit } from '../../src/cutover/unit-store.ts';
import { quickConfig } from '../support/cutover-fixtures.ts';

const clock = { now: () => 1_000_000, rate: 1, toWall: (time: number) => time, fromWall: (time: number) => time };
const state = {
  ...initialState({ deployment: 'd', salt: 's', stage: 0, now: 0, config: quickConfig }),
  stage: 1 as const,
};

function unit(id: string, version: string, fields: Partial<KnownUnit['heartbeat']> = {}): KnownUnit {
  return {
    unit: id,
    client_id: 'desktop',
    first_seen: 0,
    last_seen: 2_000,
    drift: [],
    drift_since: null,
    chains_equal: 0,
    chains_different: 0,
    lane_since: 0,
    heartbeat: {
      unit: id,
      build: 'b',
      policy_revision: 1,
      stage: 1,
      lane: 'spacetime',
      rule: 'S1.3',
      shadow: null,
      session: 'live',
      lag_events: { khala: null, spacetime: 0 },
      latency_ms: { p95: 5, samples: 100, errors: 0 },
      applied: 10,
      duplicates: 0,
      gaps: 0,
      conflicts: 0,
      fallback_used: false,
      previous_at: 1_000,
      chains_on_lane: 0,
      lag_seen: null,
      packages: { p: version },
      ...fields,
    },
  };
}

test('K16 a unit that control waits for is held to what it ran, and counts for nothing that is good', () => {
  const heard = unit('heard', '1.0.0');
  const awaited = unit('awaited', '2.0.0', { lag_events: { khala: null, spacetime: 900 } });
  const fleet = observeFleet([heard, awaited], state, clock, [heard]);
  expect(fleet.packages).toEqual({ p: '1.0.0 and 2.0.0' });
  expect(fleet.placement).toEqual({ units: 2, settled: 1 });
  expect(fleet.service?.samples).toBe(100);
  // What it was behind then is not what anybody is behind now.
  expect(fleet.signals.lag_events_max).toBe(0);
});
