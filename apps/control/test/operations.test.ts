import { SyncError } from '@autopilot/sync-contract';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { controlErrors } from '../src/errors.ts';
import { statusOf } from '../src/http/status-codes.ts';
import { type MetricName, metricTable } from '../src/metrics/metric-table.ts';
import { createMetrics } from '../src/metrics/registry.ts';
import { bridgeStatus } from './support/bridge-status.ts';
import { type CutoverHarness, observation, quickConfig, startCutover } from './support/cutover.ts';
import { compatible, eventsFor, startHarness } from './support/harness.ts';
import { bindingTemplate, nostrKey } from './support/nostr.ts';
import { ScriptedKhala } from './support/scripted-khala.ts';
import { waitUntil } from './support/wait-until.ts';

const khala = new ScriptedKhala();
let it: CutoverHarness;
let bridge = bridgeStatus();

beforeAll(async () => {
  it = await startCutover({
    processMetrics: true,
    khala,
    cutover: { config: quickConfig, heartbeat: 700 },
    bridge: { relays: ['wss://relay.example'], kinds: [], secretKey: new Uint8Array(32).fill(1) },
    openBridge: () => ({ status: () => bridge, notePaid: async () => {}, close: async () => {} }),
  });
});

async function metric(series: string): Promise<number> {
  const { text } = await it.request('GET', '/metrics');
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  if (line === undefined) throw new Error(`/metrics has no ${series}`);
  const value = line.split(' ').at(-1);
  return value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
}

/** What moves each metric: the series to watch and what to do. */
const movers: Record<MetricName, { series: string; move: () => Promise<unknown> }> = {
  cutover_token_issue_total: {
    series: 'cutover_token_issue_total{result="forbidden"}',
    move: () => it.request('POST', '/v1/sync/token', { as: 'nobody', body: { ...compatible, streams: ['runtime.x'] } }),
  },
  cutover_token_issue_duration_seconds: {
    series: 'cutover_token_issue_duration_seconds_count',
    move: () => it.request('POST', '/v1/sync/token', { as: 'nobody', body: compatible }),
  },
  cutover_nostr_challenges_total: {
    series: 'cutover_nostr_challenges_total{result="issued"}',
    move: () => it.request('POST', '/v1/nostr/challenges', { as: 'desktop' }),
  },
  cutover_nostr_bindings_total: {
    series: 'cutover_nostr_bindings_total{result="unbound"}',
    move: () => it.request('DELETE', `/v1/nostr/bindings/${'a'.repeat(64)}`, { as: 'desktop' }),
  },
  cutover_projection_events_total: {
    series: 'cutover_projection_events_total{outcome="accepted"}',
    move: () => it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:m', 0, 3) } }),
  },
  cutover_outbox_depth_events: { series: 'cutover_outbox_depth_events', move: offlineEvents },
  cutover_outbox_oldest_age_seconds: { series: 'cutover_outbox_oldest_age_seconds', move: offlineEvents },
  cutover_outbox_parked_streams: {
    series: 'cutover_outbox_parked_streams',
    async move() {
      it.database.fault = () => new SyncError('not_canonical', 'scripted');
      await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:parked', 0, 1) } });
      await waitUntil(async () => (await metric('cutover_outbox_parked_streams')) > 0);
      it.database.fault = () => undefined;
    },
  },
  cutover_append_total: {
    series: 'cutover_append_total{outcome="appended"}',
    async move() {
      await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:append', 0, 1) } });
      await waitUntil(() => it.database.keys('runtime.run.append').length === 1);
      await waitUntil(async () => (await metric('cutover_append_total{outcome="appended"}')) > 0);
    },
  },
  cutover_append_duration_seconds: {
    series: 'cutover_append_duration_seconds_count',
    async move() {
      const before = await metric('cutover_append_duration_seconds_count');
      await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:timed', 0, 1) } });
      await waitUntil(async () => (await metric('cutover_append_duration_seconds_count')) > before);
    },
  },
  cutover_session_state: {
    series: 'cutover_session_state{state="backoff"}',
    async move() {
      it.sink.become('backoff');
    },
  },
  cutover_session_connections_total: {
    series: 'cutover_session_connections_total',
    async move() {
      it.sink.become('backoff');
      it.sink.become('live');
    },
  },
  cutover_session_token_expiry_timestamp_seconds: {
    series: 'cutover_session_token_expiry_timestamp_seconds',
    async move() {
      it.sink.tokenExpiresAt = 1_800_000_000_000;
    },
  },
  cutover_stage_info: {
    series: 'cutover_stage_info{stage="1"}',
    async move() {
      await it.fill();
      await waitUntil(() => it.database.keys('runtime.run.1').length === 3);
      await it.submit(observation('rulebook', (await it.status()).now));
      const id = await it.approved(1);
      await it.act('anna', `requests/${id}/advance`);
      for (const unit of ['u1', 'u2']) await it.beat(unit);
      await waitUntil(async () => (await it.status()).state.status === 'idle');
    },
  },
  cutover_stage_revision: {
    series: 'cutover_stage_revision',
    move: () => it.act('anna', 'cohort', { percent: 50 }),
  },
  cutover_units: { series: 'cutover_units{lane="spacetime"}', move: () => it.beat('u9', { lane: 'spacetime' }) },
  cutover_units_drifting: { series: 'cutover_units_drifting', move: () => it.beat('u8', { policy_revision: 0 }) },
  cutover_units_silent: {
    series: 'cutover_units_silent',
    async move() {
      await it.beat('u7');
      await waitUntil(async () => (await metric('cutover_units_silent')) > 0);
    },
  },
  cutover_gate_verdict: {
    series: 'cutover_gate_verdict{gate="router-handover",verdict="pass"}',
    async move() {
      await it.submit(observation('router-handover', (await it.status()).now));
    },
  },
  cutover_evidence_age_seconds: {
    series: 'cutover_gate_verdict{gate="token-refresh",verdict="pass"}',
    async move() {
      // Without a receipt nothing is as old as it.
      expect(await metric('cutover_evidence_age_seconds{gate="removal"}')).toBe(Number.POSITIVE_INFINITY);
      const before = await metric('cutover_evidence_age_seconds{gate="token-refresh"}');
      await it.submit(observation('token-refresh', (await it.status()).now - 60_000));
      expect(await metric('cutover_evidence_age_seconds{gate="token-refresh"}')).toBeLessThan(before);
      const verdict = (name: string) => metric(`cutover_gate_verdict{gate="token-refresh",verdict="${name}"}`);
      expect([await verdict('pass'), await verdict('fail')]).toEqual([1, 0]);
    },
  },
  cutover_fallback_use_total: {
    series: 'cutover_fallback_use_total{cohort="none"}',
    move: () => it.beat('u6', { fallback_used: true }),
  },
  cutover_bridge_state: { series: 'cutover_bridge_state{state="running"}', move: busyBridge },
  cutover_bridge_starts: { series: 'cutover_bridge_starts', move: busyBridge },
  cutover_bridge_relays: { series: 'cutover_bridge_relays{connection="open"}', move: busyBridge },
  cutover_bridge_deliveries: { series: 'cutover_bridge_deliveries{state="pending"}', move: busyBridge },
  cutover_bridge_oldest_pending_seconds: { series: 'cutover_bridge_oldest_pending_seconds', move: busyBridge },
  cutover_bridge_jobs: { series: 'cutover_bridge_jobs{state="processing"}', move: busyBridge },
  cutover_bridge_inbound_events: { series: 'cutover_bridge_inbound_events{outcome="refused"}', move: busyBridge },
  cutover_bridge_lane_live: { series: 'cutover_bridge_lane_live', move: busyBridge },
  cutover_bridge_waiting_events: { series: 'cutover_bridge_waiting_events', move: busyBridge },
  cutover_parity_comparisons_total: {
    series: 'cutover_parity_comparisons_total{pair="khala/spacetime",result="mismatch"}',
    async move() {
      const window = { pair: 'khala/spacetime', from: 1, to: 2, counts: { mismatch: 1 } };
      await it.request('POST', '/v1/cutover/parity', { as: 'desktop', body: { unit: 'u5', window } });
    },
  },
  cutover_rollbacks_total: {
    series: 'cutover_rollbacks_total{by="operator"}',
    move: () => it.act('anna', 'rollback', { target: { kind: 'cohort', percent: 0 } }),
  },
  cutover_holds: {
    series: 'cutover_holds',
    async move() {
      for (const from of [10, 20]) {
        const pair = from === 10 ? 'khala/khala' : 'khala/spacetime';
        const counts = from === 10 ? { match: 1_000 } : { match: 900, mismatch: 100 };
        const at = (await it.status()).now + from;
        const window = { pair, from: at, to: at + 1, counts };
        await it.request('POST', '/v1/cutover/parity', { as: 'desktop', body: { unit: 'u4', window } });
      }
      await waitUntil(async () => (await metric('cutover_holds')) > 0);
    },
  },
  cutover_mirror_depth_events: { series: 'cutover_mirror_depth_events', move: withoutKhala },
  cutover_mirror_oldest_age_seconds: { series: 'cutover_mirror_oldest_age_seconds', move: withoutKhala },
  cutover_mirror_streams: { series: 'cutover_mirror_streams{state="on"}', move: withoutKhala },
  cutover_mirror_events_total: {
    series: 'cutover_mirror_events_total{outcome="retry"}',
    async move() {
      const before = await metric('cutover_mirror_events_total{outcome="retry"}');
      await withoutKhala();
      await waitUntil(async () => (await metric('cutover_mirror_events_total{outcome="retry"}')) > before);
    },
  },
};

let offline = 0;

async function busyBridge(): Promise<void> {
  bridge = bridgeStatus(true);
}

async function withoutKhala(): Promise<void> {
  khala.up = false;
  offline += 1;
  await it.request('POST', '/v1/projections', {
    as: 'feed',
    body: { events: eventsFor(`run:mirror.${offline}`, 0, 2) },
  });
}

async function offlineEvents(): Promise<void> {
  it.sink.become('backoff');
  offline += 2;
  await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:offline', offline, 2) } });
}

describe('GET /metrics', () => {
  test.each(Object.keys(metricTable) as MetricName[])('%s moves', async (name) => {
    const { series, move } = movers[name];
    it.sink.become('live');
    bridge = bridgeStatus();
    await waitUntil(
      async () => (await metric('cutover_outbox_depth_events')) === (await metric('cutover_outbox_parked_streams')),
    );
    const before = await metric(series);
    await move();
    await waitUntil(async () => (await metric(series)) > before);
  });

  test('state of the session is one-hot', async () => {
    it.sink.become('live');
    const { text } = await it.request('GET', '/metrics');
    const states = text.split('\n').filter((line) => line.startsWith('cutover_session_state{'));
    expect(states.filter((line) => line.endsWith(' 1'))).toEqual(['cutover_session_state{state="live"} 1']);
    expect(states.length).toBe(metricTable.cutover_session_state.labels.state.length);
  });

  test('of the bridge everything is counted, and each as what it is', async () => {
    bridge = bridgeStatus(true);
    const { text } = await it.request('GET', '/metrics');
    const lines = text.split('\n').filter((line) => line.startsWith('cutover_bridge_') && !line.endsWith(' 0'));
    expect(lines.filter((line) => !line.startsWith('cutover_bridge_oldest_pending_seconds'))).toEqual([
      'cutover_bridge_state{state="running"} 1',
      'cutover_bridge_starts 2',
      'cutover_bridge_relays{connection="open"} 1',
      'cutover_bridge_relays{connection="none"} 1',
      'cutover_bridge_deliveries{state="pending"} 5',
      'cutover_bridge_deliveries{state="accepted"} 7',
      'cutover_bridge_jobs{state="processing"} 4',
      'cutover_bridge_inbound_events{outcome="accepted"} 5',
      'cutover_bridge_inbound_events{outcome="duplicate"} 6',
      'cutover_bridge_inbound_events{outcome="refused"} 3',
      'cutover_bridge_lane_live 1',
      'cutover_bridge_waiting_events 8',
    ]);
  });

  test('every series is there from the start, and each result of a token request is counted as what it is', async () => {
    const text = await createMetrics(false).expose();
    for (const result of metricTable.cutover_token_issue_total.labels.result) {
      expect(text).toContain(`cutover_token_issue_total{result="${result}"} 0`);
    }
    const count = (result: string) => metric(`cutover_token_issue_total{result="${result}"}`);
    const before = [await count('incompatible'), await count('unauthorized'), await count('invalid_request')];
    const body = compatible;
    await it.request('POST', '/v1/sync/token', { as: 'nobody', body: { ...body, schema_version: 7 } });
    await it.request('POST', '/v1/sync/token', { as: 'nobody', secret: 'x', body });
    await it.request('POST', '/v1/sync/token', { as: 'nobody', body: { ...body, more: 1 } });
    const after = [await count('incompatible'), await count('unauthorized'), await count('invalid_request')];
    expect(after).toEqual(before.map((value) => value + 1));
  });

  test('each result of a request about Nostr keys is counted as what it is', async () => {
    const challenges = (result: string) => metric(`cutover_nostr_challenges_total{result="${result}"}`);
    const bindings = (result: string) => metric(`cutover_nostr_bindings_total{result="${result}"}`);
    const read = () =>
      Promise.all([
        challenges('unauthorized'),
        challenges('forbidden'),
        bindings('bound'),
        bindings('challenge_used'),
        bindings('event_forged'),
        bindings('invalid_request'),
      ]);
    it.sink.become('live');
    const before = await read();
    const post = (event: unknown) => it.request('POST', '/v1/nostr/bindings', { as: 'desktop', body: { event } });
    await it.request('POST', '/v1/nostr/challenges');
    await it.request('POST', '/v1/nostr/challenges', { as: 'desktop', body: { subject: 'another' } });
    const asked = (await it.request('POST', '/v1/nostr/challenges', { as: 'desktop' })).body;
    const event = nostrKey('ada').sign(bindingTemplate(asked, Date.now() / 1_000));
    for (const each of [event, event, { ...event, content: 'x' }, {}]) await post(each);
    expect(await read()).toEqual(before.map((value) => value + 1));
  });

  test('refused and duplicate events are counted', async () => {
    const count = (outcome: string) => metric(`cutover_projection_events_total{outcome="${outcome}"}`);
    const before = [await count('duplicate'), await count('refused')];
    const events = eventsFor('run:m', 0, 3);
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events } });
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events: [{}, {}] } });
    const after = [await count('duplicate'), await count('refused')];
    expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual([3, 2]);
  });

  test('serves the metrics of the process', async () => {
    expect((await it.request('GET', '/metrics')).text).toContain('process_resident_memory_bytes');
  });
});

describe('GET /healthz', () => {
  test('says what is not well', async () => {
    const well = await startHarness();
    expect((await well.request('GET', '/healthz')).body).toEqual({
      status: 'ok',
      store: { ok: true, kind: 'sqlite' },
      sink: { state: 'live', connections: 1, last_error: null },
      outbox: { pending: 0, dead: 0, parked_streams: 0, oldest_age_seconds: 0 },
    });
    well.sink.become('backoff');
    const { status, body } = await well.request('GET', '/healthz');
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'degraded', sink: { state: 'backoff', last_error: { code: 'unavailable' } } });
    await well.control.close();
  });
});

describe('answers', () => {
  test('an unknown path is a typed refusal', async () => {
    const { status, body } = await it.request('GET', '/v1/nothing?token=secret');
    expect(status).toBe(404);
    expect(body).toEqual({ code: 'not_found', message: 'There is no GET /v1/nothing.', next: expect.any(String) });
  });

  test('compatibility can be asked for without an account', async () => {
    const good = await it.request('POST', '/v1/compat/negotiate', { body: compatible });
    expect(good).toMatchObject({ status: 200, body: { outcome: 'accepted', schema_version: 1 } });
    const old = await it.request('POST', '/v1/compat/negotiate', {
      body: { ...compatible, client_build_id: '20190101T000000Z' },
    });
    expect(old).toMatchObject({ status: 426, body: { code: 'upgrade_required' } });
    expect((await it.request('POST', '/v1/compat/negotiate', { body: { build: 1 } })).body.code).toBe(
      'invalid_request',
    );
  });

  test('every code has a status, and a failure of ours is never blamed on the caller', () => {
    for (const code of Object.keys(controlErrors) as (keyof typeof controlErrors)[]) {
      const status = statusOf(code);
      expect(status).toBeGreaterThanOrEqual(400);
      if (['internal', 'unavailable', 'store_unavailable', 'outbox_full'].includes(code))
        expect(status).toBeGreaterThanOrEqual(500);
      else if (!code.startsWith('database')) expect(status).toBeLessThan(500);
    }
  });
});
