import { expect, test } from '@jest/globals';
import { type HeartbeatSources, heartbeatBody } from '../../src/comms/heartbeat-body.ts';

/** The members of the sources that these tests are about; the body reads no others of them. */
function sources() {
  const totals = { applied: 10, duplicates: 0, gaps: 0, conflicts: 0, stale: 0 };
  const router: { active: string; lanes: [] } = { active: 'khala', lanes: [] };
  const state: { fallback: object | null } = { fallback: null };
  const view = {
    snapshot: () => ({ totals, token: null, connection: { state: 'live' }, streams: [] }),
    recentLatency: () => ({ p95_ms: 5, samples: 100, skewed: 1 }),
    forgetLatency: () => {},
  };
  const decision = { lane: 'spacetime', rule: 'S2.1', shadow: null };
  const made = {
    state: () => ({ unit: 'u', stage: 2, policy: { revision: 1 }, decision, router, ...state }),
    parity: null,
    signals: { reconnects: 0, attempts: 0, failures: 0 },
    view: () => view,
    protocols: () => [],
    build: 'b',
  };
  return { totals, router, state, body: heartbeatBody(made as unknown as HeartbeatSources) };
}

const used = (made: { readonly body: object }) => (made.body as { fallback_used: boolean }).fallback_used;
const errors = (made: { readonly body: object }) => (made.body as { latency_ms: { errors: number } }).latency_ms.errors;

test('a fallback that was used while control was away is told when control is back, once', () => {
  const { state, router, body } = sources();
  expect(used(body())).toBe(false);
  state.fallback = {};
  // Control does not take this one.
  expect(used(body())).toBe(true);
  state.fallback = null;
  router.active = 'spacetime';
  const first = body();
  expect(used(first)).toBe(true);
  first.confirm();
  expect(used(body())).toBe(false);
});

test('a fallback that lasts is told for as long as it lasts', () => {
  const { state, body } = sources();
  state.fallback = {};
  const first = body();
  first.confirm();
  expect([used(first), used(body())]).toEqual([true, true]);
});

test('errors are what was lost, contradicting or without a time since control was told', () => {
  const { totals, body } = sources();
  totals.gaps = 2;
  totals.conflicts = 3;
  expect(errors(body())).toBe(6);
  const second = body();
  expect(errors(second)).toBe(6);
  second.confirm();
  totals.gaps = 3;
  expect(errors(body())).toBe(2);
});
