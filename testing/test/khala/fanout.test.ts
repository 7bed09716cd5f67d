import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type KhalaServer, startKhala, waitFor } from '../../src/index.ts';
import { type ManualPorts, manualPorts } from '../../src/manual-ports.ts';
import { call, closeClients, connect, events, type RawClient } from './raw-client.ts';

let khala: KhalaServer;
let ports: ManualPorts;

beforeEach(async () => {
  ports = manualPorts({ start: Date.UTC(2026, 0, 1) });
  khala = await startKhala({
    clock: ports.clock,
    scheduler: ports.scheduler,
    deniedTopics: ['worker:denied:lifecycle'],
    owners: { mine: '1', theirs: '2' },
  });
});
afterEach(async () => {
  closeClients();
  await khala.close();
});

const scopes = [events, 'runtime.run_events'];
const bearer = (request: Parameters<KhalaServer['token']>[0] = {}) => ({
  authorization: `Bearer ${khala.token({ shape: 'sync', user: { user_id: '1' }, scopes, ...request })}`,
});
const path = (topic: string, end: string) => `/internal/v1/khala/topics/${encodeURIComponent(topic)}/${end}`;
const publish = (count: number, worker = 'run:42:events') => {
  for (let index = 0; index < count; index += 1) khala.publish(worker, { event_type: 'worker.a', payload: { index } });
};
const poll = (topic: string, query = '', headers: Record<string, string> = bearer()) =>
  call('GET', `${khala.url}${path(topic, 'messages')}?${query}`, undefined, headers);
const stream = (topic: string, query = '', headers: Record<string, string> = bearer()): Promise<RawClient> =>
  connect(`${khala.url.replace('http', 'ws')}${path(topic, 'ws')}?${query}`, headers);
const typed = (client: RawClient) => client.messages as unknown as Record<string, unknown>[];
const length = (client: RawClient, count: number) =>
  waitFor(() => client.messages.length === count, { describe: () => `${count} messages in ${client.messages.length}` });

describe('dialect B', () => {
  test('says hello, then a message for each event, at the loop of 25 ms', async () => {
    publish(3);
    const client = await stream('run:42:events', 'after_seq=1&limit=150');
    await length(client, 3);
    const [hello, second, third] = typed(client);
    expect(hello).toEqual({
      type: 'hello',
      topic: 'run:42:events',
      after_seq: 1,
      limit: 150,
      recommended_reconnect_backoff_ms: expect.any(Number),
    });
    const backoff = Number(hello?.recommended_reconnect_backoff_ms);
    expect(backoff >= 400 && backoff <= 650).toBe(true);
    expect(second).toEqual({
      type: 'message',
      message: {
        topic: 'run:42:events',
        sequence: 2,
        kind: 'worker.a',
        payload: { index: 1 },
        published_at: '2026-01-01T00:00:00.000Z',
      },
    });
    expect(third).toMatchObject({ message: { sequence: 3 } });
    publish(1);
    ports.advance(25);
    await length(client, 4);
    expect(typed(client)[3]).toMatchObject({ message: { sequence: 4 } });
  });

  test('shows a worker as its lifecycle topic, and all workers by the watermark', async () => {
    publish(1, 'mine');
    publish(2, 'other');
    const one = await stream('worker:mine:lifecycle');
    const all = await stream(events);
    await length(one, 2);
    await length(all, 4);
    expect(typed(one)[1]).toMatchObject({ message: { topic: 'worker:mine:lifecycle', sequence: 1 } });
    expect(typed(all).slice(1)).toMatchObject([
      { message: { sequence: 1, payload: { worker_id: 'mine', seq: 1 } } },
      { message: { sequence: 2, payload: { worker_id: 'other', seq: 1 } } },
      { message: { sequence: 3, payload: { worker_id: 'other', seq: 2 } } },
    ]);
  });

  test('tells of a stale cursor and closes', async () => {
    publish(1100);
    const client = await stream('run:42:events', 'after_seq=3');
    await waitFor(() => client.closed(), { describe: 'the close' });
    expect(typed(client)[1]).toEqual({
      type: 'stale_cursor',
      topic: 'run:42:events',
      requested_cursor: 3,
      oldest_available_cursor: 76,
      head_cursor: 1100,
      reason_codes: ['retention_floor_breach'],
      replay_lag: 1097,
      replay_budget_events: 20_000,
      qos_tier: 'warm',
    });
  });

  test('tells of eviction and of failure, and closes', async () => {
    for (const [fault, code] of [
      [{ fault: 'slow_consumer', action: 'disconnect' }, 'slow_consumer_evicted'],
      [{ fault: 'phx_error' }, 'fanout_error'],
    ] as const) {
      const client = await stream('run:42:events');
      khala.faults.inject(fault);
      await waitFor(() => client.closed(), { describe: 'the close' });
      expect(typed(client).at(-1)).toEqual({ type: 'error', code, message: expect.any(String) });
    }
    expect(khala.connections.open).toBe(0);
  });

  test('evicts who does not read', async () => {
    const other = await startKhala({ backpressureBytes: 100_000, scheduler: ports.scheduler });
    try {
      const token = other.token({ scopes });
      const client = await connect(`${other.url.replace('http', 'ws')}${path('run:1:events', 'ws')}`, {
        authorization: `Bearer ${token}`,
      });
      client.ws.pause();
      // The first page fills every buffer on the way; what comes after it only has to be many.
      for (let index = 0; index < 400; index += 1) {
        const text = 'x'.repeat(index < 100 ? 100_000 : 10);
        other.publish('run:1:events', { event_type: 'worker.a', payload: { text } });
      }
      ports.advance(25);
      ports.advance(25);
      client.ws.resume();
      await waitFor(() => client.closed(), { describe: 'the close' });
      expect(typed(client).at(-1)).toMatchObject({ type: 'error', code: 'slow_consumer_evicted' });
    } finally {
      await other.close();
    }
  });

  test('refuses an upgrade with its reason', async () => {
    await expect(stream('run:42:events', '', {})).rejects.toMatchObject({
      status: 401,
      body: { error: { code: 'unauthorized', reason_code: 'missing_authorization' } },
    });
    await expect(stream('run:42:events', 'after_seq=x')).rejects.toMatchObject({ status: 400 });
  });
});

describe('dialect C', () => {
  test('answers a page with everything a consumer must know', async () => {
    publish(5);
    const { status, body } = await poll('run:42:events', 'after_seq=1&limit=2');
    expect(status).toBe(200);
    expect(body).toMatchObject({ messages: [{ sequence: 2 }, { sequence: 3 }] });
    expect({ ...body, messages: [] }).toEqual({
      topic: 'run:42:events',
      driver: 'memory',
      messages: [],
      oldest_available_cursor: 0,
      head_cursor: 5,
      queue_depth: 5,
      dropped_messages: 0,
      next_cursor: 3,
      replay_complete: false,
      limit_applied: 2,
      limit_capped: false,
      fairness_applied: false,
      active_topic_count: 1,
      outbound_queue_limit: 200,
      consumer_lag: 4,
      slow_consumer_strikes: 0,
      slow_consumer_max_strikes: 3,
      recommended_reconnect_backoff_ms: expect.any(Number),
    });
    ports.advance(250);
    expect((await poll('run:42:events', 'after_seq=3&limit=201')).body).toMatchObject({
      next_cursor: 5,
      replay_complete: true,
      limit_applied: 200,
      limit_capped: true,
    });
  });

  test('guards the interval of polls, for each consumer and topic', async () => {
    await poll('run:42:events');
    ports.advance(100);
    expect(await poll('run:42:events')).toMatchObject({
      status: 429,
      body: { error: { code: 'poll_interval_guard', retry_after_ms: 150 } },
    });
    expect((await poll('run:43:events')).status).toBe(200);
    expect((await poll('run:42:events', '', bearer({ user: { user_id: '2' } }))).status).toBe(200);
    ports.advance(150);
    expect((await poll('run:42:events')).status).toBe(200);
  });

  test('shares fairly between two topics', async () => {
    publish(120);
    await poll('run:43:events');
    const { body } = await poll('run:42:events', 'after_seq=0');
    expect(body).toMatchObject({ limit_applied: 50, fairness_applied: true, active_topic_count: 2, next_cursor: 50 });
  });

  test('evicts who lags by more than 300 three times', async () => {
    publish(301);
    const statuses: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      const { status, body } = await poll('run:42:events', 'after_seq=0');
      statuses.push(status);
      if (status === 409) {
        expect(body.error).toMatchObject({
          code: 'slow_consumer_evicted',
          recovery: 'advance_cursor_or_rebootstrap',
          consumer_lag: 301,
        });
      }
      ports.advance(250);
    }
    expect(statuses).toEqual([200, 200, 409]);
    expect((await poll('run:42:events', 'after_seq=1')).body).toMatchObject({ slow_consumer_strikes: 0 });
  });

  test('tells of a stale cursor with both reasons', async () => {
    publish(3100, 'w');
    expect(await poll(events, 'after_seq=5')).toMatchObject({
      status: 410,
      body: {
        error: {
          code: 'stale_cursor',
          reason_codes: ['retention_floor_breach', 'replay_budget_exceeded'],
          oldest_available_cursor: 2076,
          head_cursor: 3100,
          qos_tier: 'hot',
        },
      },
    });
    ports.advance(250);
    expect((await poll(events, 'after_seq=2076')).status).toBe(200);
    ports.advance(250);
    expect((await poll(events)).body).toMatchObject({ messages: expect.any(Array), oldest_available_cursor: 2076 });
  });

  test.each([
    [401, 'missing_authorization', () => ({}), 'run:1:events'],
    [401, 'invalid_authorization_scheme', () => ({ authorization: 'Basic x' }), 'run:1:events'],
    [401, 'invalid_token', () => ({ authorization: 'Bearer x' }), 'run:1:events'],
    [401, 'token_expired', () => bearer({ ttl_seconds: -60 }), 'run:1:events'],
    [401, 'missing_jti', () => bearer({ claims: { jti: undefined } }), 'run:1:events'],
    [401, 'missing_iat', () => bearer({ claims: { iat: undefined } }), 'run:1:events'],
    [401, 'token_too_old', () => bearer({ claims: { iat: Date.UTC(2026, 0, 1) / 1000 - 301 } }), 'run:1:events'],
    [401, 'token_revoked', () => bearer({ claims: { jti: 'gone' } }), 'run:1:events'],
    [403, 'forbidden_topic', () => bearer(), 'else'],
    [403, 'missing_scope', () => bearer({ scopes: [events] }), 'run:1:events'],
    [403, 'missing_scope', () => bearer({ scopes: ['runtime.run_events'] }), events],
    [403, 'surface_policy_denied', () => bearer(), 'worker:denied:lifecycle'],
    [403, 'owner_mismatch', () => bearer(), 'fleet:user:2:workers'],
    [403, 'owner_mismatch', () => bearer(), 'worker:theirs:lifecycle'],
    [403, 'origin_not_allowed', () => ({ ...bearer(), origin: 'https://else.test' }), 'run:1:events'],
  ])('refuses with %i and %s', async (status, reason, headers, topic) => {
    const strict = await startKhala({
      clock: ports.clock,
      scheduler: ports.scheduler,
      revokedTokenIds: ['gone'],
      deniedTopics: ['worker:denied:lifecycle'],
      owners: { theirs: '2' },
    });
    try {
      strict.publish('theirs', { event_type: 'worker.a', payload: {} });
      const url = `${strict.url}${path(topic, 'messages')}`;
      const { status: got, body } = await call('GET', url, undefined, headers() as Record<string, string>);
      expect([got, (body.error as { reason_code: string }).reason_code]).toEqual([status, reason]);
    } finally {
      await strict.close();
    }
  });

  test('takes the known origins, the own fleet, and callers without an origin', async () => {
    const from = (origin: string) => poll('run:1:events', '', { ...bearer({ user: { user_id: origin } }), origin });
    expect((await from('https://OPENAGENTS.com/')).status).toBe(200);
    expect((await poll('fleet:user:1:workers')).status).toBe(200);
    expect((await poll('fleet:guest:9:workers')).status).toBe(200);
  });

  test('shows hooks and metrics', async () => {
    publish(2);
    const metrics = await call('GET', `${khala.url}/internal/v1/khala/fanout/metrics?topic_limit=1`);
    expect(metrics.body).toEqual({
      driver: 'memory',
      topic_windows: [{ topic: 'run:42:events', topic_class: 'run_events', oldest_sequence: 1, head_sequence: 2 }],
    });
    expect((await call('GET', `${khala.url}/internal/v1/khala/fanout/hooks`)).body).toMatchObject({ driver: 'memory' });
    expect((await poll('run:42:events', 'limit=0')).status).toBe(400);
  });
});

test('the sockets of both dialects count', async () => {
  await stream('run:42:events');
  expect(khala.connections).toMatchObject({ total: 1, open: 1 });
});
