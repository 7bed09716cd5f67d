import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type KhalaServer, startKhala, waitFor } from '../../src/index.ts';
import { type ManualPorts, manualPorts } from '../../src/manual-ports.ts';
import { call } from './raw-client.ts';

let khala: KhalaServer;
let ports: ManualPorts;
const others: KhalaServer[] = [];

beforeEach(async () => {
  ports = manualPorts({ start: Date.UTC(2026, 0, 1) });
  khala = await startKhala({ clock: ports.clock, scheduler: ports.scheduler, streamPage: 3 });
});
afterEach(async () => {
  for (const each of [khala, ...others.splice(0)]) await each.close();
});

const workers = (path = '', of = khala) => `${of.url}/api/runtime/codex/workers${path}`;
const event = (payload: unknown = {}, event_type = 'worker.a') => ({ event: { event_type, payload } });
const publish = (count: number, worker = 'w') => {
  for (let index = 1; index <= count; index += 1) khala.publish(worker, { event_type: 'worker.a', payload: { index } });
};
interface Page {
  readonly next_cursor: number;
  readonly latest_seq: number;
  readonly events: readonly { seq: number }[];
}
const page = async (query: string): Promise<Page> =>
  (await call('GET', workers(`/w/stream?${query}`))).body.data as Page;

describe('the worker routes', () => {
  test('make a worker at its first event, whatever its id is', async () => {
    const id = 'desktopw:höst/1:shared';
    const path = `/${encodeURIComponent(id)}`;
    expect((await call('GET', workers(path))).status).toBe(404);
    expect(await call('POST', workers(`${path}/events`), event({ a: 1 }))).toMatchObject({
      status: 202,
      body: { data: { worker_id: id, seq: 1, event_type: 'worker.a', occurred_at: '2026-01-01T00:00:00.000Z' } },
    });
    expect((await call('GET', workers(path))).body.data).toEqual({
      worker_id: id,
      owner_user_id: 'user-1',
      status: 'running',
      latest_seq: 1,
    });
    expect(khala.events(id)).toEqual([
      { seq: 1, event_type: 'worker.a', payload: { a: 1 }, occurred_at: '2026-01-01T00:00:00.000Z', watermark: 1 },
    ]);
    expect((await call('GET', workers())).body.data).toMatchObject([{ worker_id: id }]);
  });

  test('create, stop, and requests with a replay key', async () => {
    expect((await call('POST', workers(), { worker_id: 'w' })).status).toBe(201);
    expect((await call('POST', workers(), {})).status).toBe(422);
    const request = { request: { request_id: 'r1', method: 'turn/start' } };
    const first = await call('POST', workers('/w/requests'), request);
    const again = await call('POST', workers('/w/requests'), request);
    expect([first.body.data, again.body.data]).toMatchObject([
      { idempotent_replay: false, request_id: 'r1' },
      { idempotent_replay: true, request_id: 'r1' },
    ]);
    expect((await call('POST', workers('/w/requests'), { request: { request_id: 'r', method: 'rm' } })).status).toBe(
      422,
    );
    expect((await call('POST', workers('/w/requests'), {})).status).toBe(422);
    expect((await call('POST', workers('/w/stop'))).body.data).toMatchObject({ status: 'stopped' });
    const late = { request: { request_id: 'r2', method: 'turn/start' } };
    expect((await call('POST', workers('/w/requests'), late)).status).toBe(409);
  });

  test.each([{}, { event: {} }, event({}, 'x.a'), { event: { event_type: 'worker.a' } }, event(2 ** 60)])(
    'refuse the event %j',
    async (body) => {
      expect(await call('POST', workers('/w/events'), body)).toMatchObject({
        status: 422,
        body: { error: { code: 'invalid_event' } },
      });
      expect(khala.published()).toEqual({});
    },
  );

  test('stream gives pages after a cursor, up to the head', async () => {
    publish(7);
    const seen: number[] = [];
    let cursor = 0;
    for (;;) {
      const { events, next_cursor, latest_seq } = await page(`cursor=${cursor}`);
      seen.push(...events.map(({ seq }) => seq));
      cursor = next_cursor;
      if (cursor === latest_seq) break;
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const { body } = await call('GET', workers('/w/stream?cursor=7'));
    expect(body.data).toMatchObject({
      events: [],
      delivery: {
        transport: 'khala_ws',
        topic: 'runtime.codex_worker_events',
        scope: 'runtime.codex_worker_events',
        syncTokenRoute: '/api/sync/token',
      },
      snapshot: { worker_id: 'w', latest_seq: 7 },
    });
    for (const query of ['cursor=-1', 'cursor=x', 'tail_ms=0', 'tail_ms=120001']) {
      expect((await call('GET', workers(`/w/stream?${query}`))).status).toBe(422);
    }
  });

  test('stream waits for an event, or as long as it was told', async () => {
    publish(1);
    const woken = page('cursor=1&tail_ms=5000');
    await waitFor(() => khala.counters.httpRequests === 1, { describe: 'the request' });
    publish(1);
    expect((await woken).events).toMatchObject([{ seq: 2 }]);
    let done = false;
    const empty = page('cursor=2&tail_ms=5000').then((data) => {
      done = true;
      return data;
    });
    await waitFor(() => khala.counters.httpRequests === 2, { describe: 'the request' });
    ports.advance(4999);
    await page('cursor=0');
    expect(done).toBe(false);
    ports.advance(1);
    expect((await empty).events).toEqual([]);
  });

  test('stream below the oldest event is stale', async () => {
    publish(5);
    khala.trimWorker('w', 2);
    expect(await call('GET', workers('/w/stream?cursor=2'))).toMatchObject({
      status: 410,
      body: { error: { code: 'stale_cursor', requested_cursor: 2, oldest_available_cursor: 3, head_cursor: 5 } },
    });
    expect((await page('cursor=3')).events.map(({ seq }) => seq)).toEqual([4, 5]);
  });

  test('owners are kept apart where that is asked for', async () => {
    const strict = await startKhala({
      users: { alice: { user_id: 'a' }, bob: { user_id: 'b' } },
      owners: { theirs: 'b' },
      enforceOwners: true,
    });
    others.push(strict);
    const as = (bearer: string) => ({ authorization: `Bearer ${bearer}` });
    expect((await call('POST', workers('/mine/events', strict), event(), as('alice'))).status).toBe(202);
    expect((await call('POST', workers('/theirs/events', strict), event(), as('bob'))).status).toBe(202);
    expect((await call('GET', workers('/theirs', strict), undefined, as('alice'))).status).toBe(403);
    expect((await call('GET', workers('', strict), undefined, as('alice'))).body.data).toMatchObject([
      { worker_id: 'mine', owner_user_id: 'a' },
    ]);
    expect((await call('GET', workers('', strict))).status).toBe(401);
    const token = strict.token({ user: { user_id: 'b' } });
    expect((await call('GET', workers('/theirs', strict), undefined, as(token))).status).toBe(200);
    expect(await call('GET', workers('/theirs', strict), undefined, as(`${token}x`))).toMatchObject({
      status: 401,
      body: { error: { reason_code: 'invalid_signature' } },
    });
  });

  test('limits on publishing where they are asked for', async () => {
    const limited = await startKhala({ clock: ports.clock, scheduler: ports.scheduler, publishLimits: true });
    others.push(limited);
    const post = async (id: string, payload: unknown) =>
      (await call('POST', workers(`/${encodeURIComponent(id)}/events`, limited), event(payload))).body;
    expect(await post('w', 'x'.repeat(64 * 1024))).toMatchObject({ error: { code: 'khala_frame_payload_too_large' } });
    expect(await post('run:1:events', 'x'.repeat(64 * 1024))).toMatchObject({ data: { seq: 1 } });
    await Promise.all(Array.from({ length: 180 }, () => post('w', {})));
    expect(await post('w', {})).toMatchObject({ error: { code: 'khala_publish_rate_limited' } });
    ports.advance(1000);
    expect(await post('w', {})).toMatchObject({ data: { seq: 181 } });
  });

  test('what is nowhere is not found', async () => {
    publish(1);
    for (const path of ['/x', '/api/runtime/codex/workersx', '/api/runtime/codex/workers/w/else']) {
      expect((await call('GET', khala.url + path)).status).toBe(404);
    }
    expect((await call('GET', `${khala.url}/api/khala/token`)).status).toBe(405);
  });
});
