import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { defaultCutoverConfig, initialState } from '@autopilot/cutover-flags';
import { type ComparisonPair, type ParityWindow, totalsOf } from '@autopilot/cutover-flags/parity';
import { describe, expect, test } from '@jest/globals';
import { readCutoverConfig } from '../../src/cutover/config-file.ts';
import type { Cutover } from '../../src/cutover/cutover.ts';
import type { CutoverClock } from '../../src/cutover/cutover-clock.ts';
import { advance, type Drill } from '../../src/cutover/drills.ts';
import { parseGateKeys, readGateKeys } from '../../src/cutover/gate-keys.ts';
import { observeFleet, quantile } from '../../src/cutover/observations.ts';
import { seenOfDrill, seenOfNull, seenOfParity } from '../../src/cutover/own-gates.ts';
import { addBuckets, bucketOf } from '../../src/cutover/parity-bucket.ts';
import { windowOf } from '../../src/cutover/parity-window.ts';
import { lengthOf } from '../../src/cutover/spans.ts';
import { createOwnSignals, paritySignals, slopeOf } from '../../src/cutover/own-signals.ts';
import type { ParityStore } from '../../src/cutover/parity-store.ts';
import type { ReceiptStore } from '../../src/cutover/receipt-store.ts';
import type { KnownUnit } from '../../src/cutover/unit-store.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { quickConfig, trustedKey } from '../support/cutover-fixtures.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const clock: CutoverClock = { now: () => 1_000_000, rate: 1, toWall: (time) => time, fromWall: (time) => time };
const state = initialState({ deployment: 'd', salt: 's', stage: 0, now: 0, config: quickConfig });

const window = (pair: ComparisonPair, counts: Parameters<typeof windowOf>[0]['counts']) =>
  windowOf({ pair, from: 1_000, to: 2_000, counts, samples: [] });
const noise = (counts: Parameters<typeof windowOf>[0]['counts']) => totalsOf(window('khala/khala', counts));
const quiet = [noise({ match: 10_000 })];

/** What is reported of windows. */
function reported(windows: readonly ParityWindow[]): Parameters<typeof seenOfParity>[0] {
  if (windows.length === 0) return { totals: undefined, covered: 0 };
  const { totals, covered } = addBuckets(windows.map(bucketOf));
  return { totals, covered: lengthOf(covered) };
}

function unit(id: string, fields: Partial<KnownUnit['heartbeat']> = {}, row: Partial<KnownUnit> = {}): KnownUnit {
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
      applied: 10,
      duplicates: 0,
      gaps: 0,
      conflicts: 0,
      fallback_used: false,
      previous_at: 1_000,
      chains_on_lane: 0,
      lag_seen: null,
      ...fields,
    },
    ...row,
  };
}

describe('what control signs of comparisons', () => {
  test.each([
    ['no window', [], quiet, 'inconclusive'],
    ['no positions', [window('khala/spacetime', {})], quiet, 'inconclusive'],
    ['too few positions', [window('khala/spacetime', { match: 49 })], quiet, 'inconclusive'],
    ['no noise floor', [window('khala/spacetime', { match: 500 })], [], 'inconclusive'],
    ['a noise floor of too few', [window('khala/spacetime', { match: 500 })], [noise({ match: 9 })], 'inconclusive'],
    ['lanes that a rule excuses', [window('khala/spacetime', { match: 49, ignored: 50_000 })], quiet, 'inconclusive'],
    ['equal lanes', [window('khala/spacetime', { match: 500 })], quiet, 'pass'],
    ['one loss', [window('khala/spacetime', { match: 499, missing_right: 1 })], quiet, 'fail'],
    ['one repeat', [window('khala/spacetime', { match: 500, extra: 1 })], quiet, 'fail'],
    ['one reordered', [window('khala/spacetime', { match: 499, reordered: 1 })], quiet, 'fail'],
    ['one mismatch without a noise floor', [window('khala/spacetime', { match: 499, mismatch: 1 })], [], 'fail'],
    ['unequal chains', [{ ...window('khala/spacetime', { match: 500 }), unequal_chains: 1 }], quiet, 'fail'],
    ['a hook that threw', [{ ...window('khala/spacetime', { match: 500 }), faults: 1 }], quiet, 'inconclusive'],
  ])('K9 parity of %s', (_name, windows, nulls, verdict) => {
    const seen = seenOfParity(reported(windows), nulls, clock);
    expect(seen.verdict).toBe(verdict);
    expect(seen.counts.failed > 0).toBe(verdict === 'fail');
  });

  test('K9 parity fails when a unit has set an event aside: its comparison ended where the lanes differ', () => {
    const equal = reported([window('khala/spacetime', { match: 500 })]);
    expect(seenOfParity(equal, quiet, clock, []).verdict).toBe('pass');
    const seen = seenOfParity(equal, quiet, clock, ['u7']);
    expect(seen).toMatchObject({ verdict: 'fail', measures: { units_set_aside: 1 } });
    expect(seen.reason).toContain('u7');
    expect(seen.counts.failed).toBeGreaterThan(0);
  });

  test('K9 the time that was covered is that of windows with comparisons in them, each moment once', () => {
    const from = (start: number, to: number, match: number) => ({
      ...window('khala/spacetime', { match }),
      from: start,
      to,
    });
    const covered = (windows: readonly ParityWindow[], rate = 1) =>
      seenOfParity(reported(windows), quiet, { ...clock, rate }).measures.covered_ms;
    const day = 86_400_000;
    // Two bursts a day apart.
    expect(covered([from(0, 1_000, 500), from(day, day + 1_000, 500)])).toBe(2_000);
    // Nothing was compared in the day between them.
    expect(covered([from(0, 1_000, 500), from(1_000, day, 0), from(day, day + 1_000, 500)])).toBe(2_000);
    // Units at the same time, one within the other, in any order.
    expect(covered([from(500, 2_000, 1), from(0, 1_000, 1), from(600, 700, 1), from(2_000, 3_000, 1)])).toBe(3_000);
    expect(covered([from(0, 1_000, 500)], 20)).toBe(20_000);
    expect(covered([from(0, 1_000, 0)])).toBe(0);
  });

  test('K9 what a rule excused counts as no event', () => {
    const seen = seenOfParity(reported([window('khala/spacetime', { match: 60, ignored: 50_000 })]), quiet, clock);
    expect(seen).toMatchObject({ verdict: 'pass', counts: { events: 60 }, measures: { positions: 50_060 } });
  });

  test('K9 the noise is measured, not judged, and of too little nothing is said', () => {
    expect(seenOfNull([], clock).verdict).toBe('inconclusive');
    expect(seenOfNull([noise({ match: 49 })], clock).verdict).toBe('inconclusive');
    const noisy = seenOfNull([noise({ match: 99, mismatch: 1 })], clock);
    expect(noisy).toMatchObject({ verdict: 'pass', measures: { noise_rate: 0.01, differences: 1 } });
  });
});

describe('drills', () => {
  const began: Drill = {
    from_stage: 1,
    from_percent: 50,
    units: [{ unit: 'u', gaps: 1, conflicts: 0, duplicates: 0, applied: 10, chains_different: 0, ran: null }],
    back: { policy_revision: 5, began_at: 100, arrived_at: null },
    return: null,
    seen: null,
    failed: null,
  };
  const at = (policy_revision: number, percent: number) => ({
    ...state,
    stage: 1 as const,
    policy_revision,
    cohort: { ...state.cohort, percent },
  });
  const where = (fields: Partial<KnownUnit['heartbeat']>, row?: Partial<KnownUnit>) =>
    new Map([['u', unit('u', fields, row)]]);

  test('K10 every leg waits for the units, and the end for equal chains on the lane they returned to', () => {
    const back = (fields: Partial<KnownUnit['heartbeat']>) => advance(began, at(5, 0), where(fields), 200);
    expect(back({ lane: 'spacetime', policy_revision: 5 })).toBe(began);
    expect(back({ lane: 'khala', policy_revision: 4 })).toBe(began);
    expect(back({ lane: 'khala', policy_revision: 5, session: 'connecting' })).toBe(began);
    expect(advance(began, at(5, 0), new Map(), 200)).toBe(began);
    const arrived = back({ lane: 'khala', policy_revision: 5 });
    expect(arrived.back.arrived_at).toBe(200);
    expect(advance(arrived, at(6, 25), where({ lane: 'spacetime', policy_revision: 6 }), 300)).toBe(arrived);
    const returning = advance(arrived, at(6, 50), where({ lane: 'khala', policy_revision: 5 }), 300);
    expect(returning.return).toMatchObject({ policy_revision: 6, arrived_at: null });
    const end = (fields: Partial<KnownUnit['heartbeat']>, row?: Partial<KnownUnit>) =>
      advance(returning, at(6, 50), where({ lane: 'spacetime', policy_revision: 6, ...fields }, row), 400);
    expect(end({ chains_on_lane: 0 })).toBe(returning);
    expect(end({ chains_on_lane: 1, policy_revision: 5 })).toBe(returning);
    const stored = (drill: Drill) => seenOfDrill({ id: 1, began_at: 100, ended_at: 400, drill });
    const passed = stored(end({ chains_on_lane: 1, gaps: 1, applied: 12 }));
    expect(passed).toMatchObject({ verdict: 'pass', measures: { lost: 0, repeated: 0, cohort_percent: 50 } });
    expect(stored(end({ chains_on_lane: 1, gaps: 2, applied: 12 })).verdict).toBe('fail');
    expect(stored(end({ chains_on_lane: 1, gaps: 1, conflicts: 1, applied: 12 })).verdict).toBe('fail');
    expect(stored(end({ chains_on_lane: 1, gaps: 1, applied: 12 }, { chains_different: 1 })).verdict).toBe('fail');
    // It began to count anew: what it lost before is not known, nor what another version would have lost.
    for (const fields of [{ gaps: 0 }, { gaps: 1, packages: { p: '2' } }]) {
      const restarted = end({ chains_on_lane: 1, applied: 12, ...fields });
      expect([restarted.seen?.restarted, stored(restarted).verdict]).toEqual([1, 'inconclusive']);
    }
    // Nothing flowed meanwhile: nothing is proved.
    expect(stored(end({ chains_on_lane: 1, gaps: 1, applied: 10 })).verdict).toBe('inconclusive');
  });

  test('K10 a drill that was overtaken, is not over or never was is inconclusive', () => {
    const overtaken = advance(began, at(6, 50), where({ lane: 'spacetime' }), 200);
    expect(overtaken.failed).toContain('before every unit');
    const stored = { id: 1, began_at: 100, drill: overtaken };
    expect(seenOfDrill({ ...stored, ended_at: 200 })).toMatchObject({ verdict: 'inconclusive', counts: { cases: 0 } });
    expect(seenOfDrill({ ...stored, ended_at: null }).verdict).toBe('inconclusive');
    expect(seenOfDrill(undefined).verdict).toBe('inconclusive');
  });
});

describe('what units say, put together', () => {
  test('nobody and nothing said are not known', () => {
    const { packages, service, sample_ratio, signals } = observeFleet([], state, clock);
    expect([packages, service, sample_ratio]).toEqual([{}, null, null]);
    expect(new Set(Object.values(signals))).toEqual(new Set([null]));
    expect(
      observeFleet([unit('u', { latency_ms: { p95: 5, samples: 0, errors: 0 } })], state, clock).service,
    ).toBeNull();
  });

  test('units that run different versions run none that a receipt could be of', () => {
    const units = [unit('a', { packages: { p: '1.0.0' } }), unit('b', { packages: { p: '2.0.0' } })];
    expect(observeFleet(units, state, clock).packages).toEqual({ p: '1.0.0 and 2.0.0' });
  });

  test('a unit that does not say what it runs may run anything', () => {
    const units = [unit('a', { packages: { p: '1.0.0' } }), unit('b'), unit('c', { packages: {} })];
    expect(observeFleet(units, state, clock).packages).toEqual({ p: '1.0.0 and unknown of 2 units' });
  });

  test('a unit is settled when it is connected and differs in nothing', () => {
    const units = [
      unit('a'),
      unit('b', { session: 'replaying' }),
      unit('c', { session: 'connecting' }),
      unit('d', {}, { drift: ['lane'] }),
      unit('e', {}, { drift: ['chain'] }),
      unit('f', {}, { drift: ['revision-behind'] }),
    ];
    expect(observeFleet(units, state, clock).placement).toEqual({ units: 6, settled: 2 });
  });

  test('latency counts from the last change of the share on, by the worst unit on spacetime', () => {
    const latency = (p95: number, errors = 0) => ({ latency_ms: { p95, samples: 50, errors } });
    const units = [unit('a', latency(10, 5)), unit('b', latency(90)), unit('c', { ...latency(999), lane: 'khala' })];
    expect(observeFleet(units, state, clock).service).toEqual({
      from: 1_000,
      to: 2_000,
      samples: 100,
      p95_ms: 90,
      error_ratio: 0.05,
    });
    expect(observeFleet(units, { ...state, cohort_since: 1_500 }, clock).service).toBeNull();
  });

  test('signals are of those that say something', () => {
    const units = [
      unit('a', {
        lag_events: { khala: null, spacetime: 7 },
        signals: { auth_failures: 1, auth_attempts: 10, reconnects: 3 },
      }),
      unit('b', {
        lag_events: { khala: null, spacetime: null },
        stage: 0,
        lag_ms_p99: 2_500,
        token_expires_at: 1_060_000,
      }),
    ];
    expect(observeFleet(units, { ...state, stage: 1 }, clock).signals).toMatchObject({
      lag_events_p95: 7,
      auth_failure_ratio: 0.1,
      reconnects_per_second: 3,
      lag_seconds_p99: 2.5,
      units_on_other_stage: 1,
      token_seconds_left_min: 60,
      stale_cursors: null,
      service_p95_ms: null,
    });
  });

  test('K11 what is counted of the units themselves: other chains, and units without a connection', () => {
    const units = [
      unit('a', {}, { drift: ['chain'] }),
      unit('b', { session: 'connecting' }),
      unit('c', { lane: 'khala' }),
    ];
    const { signals } = observeFleet(units, state, clock);
    expect(signals).toMatchObject({ units_with_other_chain: 1, disconnected_ratio: 0.5 });
  });

  test('K7 the lag of a unit is what control sees, when that is more than the unit knows of', () => {
    const lag = (spacetime: number | null, lag_seen: number | null) =>
      unit('u', { lag_events: { khala: null, spacetime }, lag_seen });
    const most = (...units: KnownUnit[]) => observeFleet(units, state, clock).signals.lag_events_max;
    expect(most(lag(0, 300), lag(7, null))).toBe(300);
    expect(most(lag(null, 12))).toBe(12);
    expect(most(lag(9, 0))).toBe(9);
    expect(most(lag(null, null))).toBeNull();
  });

  test('K11 a difference is far above a noise that nobody measured, and what was all excused is not known', () => {
    const over = (counts: Parameters<typeof windowOf>[0]['counts'], nulls = quiet) =>
      paritySignals(totalsOf(window('khala/spacetime', counts)), nulls);
    const most = Number.MAX_SAFE_INTEGER;
    expect(paritySignals(undefined, quiet)).toEqual({ parity_comparisons: 0, parity_sigma_over_noise: null });
    expect(over({ match: 100 })).toEqual({ parity_comparisons: 100, parity_sigma_over_noise: 0 });
    expect(over({ match: 100 }, [])).toEqual({ parity_comparisons: 100, parity_sigma_over_noise: 0 });
    expect(over({ match: 99, mismatch: 1 }, [])).toEqual({ parity_comparisons: 100, parity_sigma_over_noise: most });
    expect(over({ match: 99, mismatch: 1 })).toEqual({ parity_comparisons: 100, parity_sigma_over_noise: most });
    expect(over({ ignored: 100 })).toEqual({ parity_comparisons: 0, parity_sigma_over_noise: null });
  });

  test.each([
    [[], null],
    [
      [
        [0, 1],
        [1_000, 2],
      ],
      null,
    ],
    [
      [
        [5, 1],
        [5, 2],
        [5, 3],
      ],
      null,
    ],
    [
      [
        [0, 1],
        [1_000, 3],
        [2_000, 5],
      ],
      2,
    ],
    [
      [
        [0, 3],
        [1_000, 3],
        [2_000, 3],
      ],
      0,
    ],
  ] as [[number, number][], number | null][])('K11 the slope of %j is %d a second', (points, slope) => {
    expect(slopeOf(points.map(([at, value]) => ({ at, value })))).toBe(slope);
  });

  test('K11 every default trigger watches what is measured', async () => {
    const metrics = createMetrics(false);
    const planned = { ...state, flip: { evidence: ['sha256:a'] } };
    const receipt = { digest: 'sha256:a', observation: { observed_to: 400_000 } };
    const measure = createOwnSignals({
      cutover: { state: async () => planned } as unknown as Cutover,
      parity: { report: async () => ({ totals: undefined, covered: 0, buckets: [] }) } as unknown as ParityStore,
      receipts: { current: async () => [receipt] } as unknown as ReceiptStore,
      metrics,
      clock,
      lookBack: 1_000,
    });
    const fleet = observeFleet([unit('a')], state, clock).signals;
    const first = await measure(fleet);
    expect(first).toMatchObject({ planned_evidence_age_ms: 600_000, token_issue_failure_ratio: null });
    for (const result of ['issued', 'issued', 'issued', 'unavailable', 'unauthorized'] as const)
      metrics.count('cutover_token_issue_total', { result });
    const signals = { ...fleet, ...(await measure(fleet)) };
    expect(signals.token_issue_failure_ratio).toBe(0.25);
    for (const { clauses, samples } of defaultCutoverConfig.triggers) {
      for (const { signal } of clauses) expect(Object.keys(signals)).toContain(signal);
      if (samples !== null) expect(Object.keys(signals)).toContain(samples.signal);
    }
  });

  test.each([
    [[], 0.95, null],
    [[1], 0.95, 1],
    [[3, 1, 2], 0.5, 2],
    [[3, 1, 2], 1, 3],
  ])('quantile of %j at %d', (values, share, expected) => {
    expect(quantile(values, share)).toBe(expected);
  });
});

describe('files', () => {
  test('a configuration that is refused, and keys that cannot be read, are refused by name', () => {
    const file = path.join(temporaryFolder(), 'file.json');
    writeFileSync(file, JSON.stringify({ ...quickConfig, approvals: -1 }));
    expect(() => readCutoverConfig(file)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    expect(() => readCutoverConfig(`${file}.none`)).toThrow(expect.objectContaining({ code: 'config_invalid' }));
    expect(() => readGateKeys(`${file}.none`)).toThrow(expect.objectContaining({ code: 'gate_keys_invalid' }));
    writeFileSync(file, JSON.stringify(quickConfig));
    expect(readCutoverConfig(file)).toEqual(quickConfig);
    writeFileSync(file, JSON.stringify({ keys: [trustedKey] }));
    expect(readGateKeys(file)).toEqual([trustedKey]);
  });
});

describe('gate keys file', () => {
  test.each([
    [{ keys: [{ ...trustedKey, jwk: { ...trustedKey.jwk, d: 'AAAA' } }] }, 'private key'],
    [{ keys: [trustedKey, trustedKey] }, 'twice'],
    [{ keys: [{ ...trustedKey, gates: ['coffee'] }] }, 'keys.0.gates.0'],
    [{ keys: [{ ...trustedKey, jwk: { kty: 'oct' } }] }, 'keys.0.jwk'],
    [{}, 'keys'],
  ])('%# is refused by name', (value, named) => {
    expect(() => parseGateKeys(value)).toThrow(named);
  });

  test('gives the keys that are in it', () => {
    expect(parseGateKeys({ keys: [trustedKey] })).toEqual([trustedKey]);
  });
});
