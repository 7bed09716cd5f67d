import { SyncError } from '@autopilot/sync-contract';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStore } from '../src/store/open-store.ts';
import { eventsFor, type Harness, startHarness } from './support/harness.ts';
import { waitUntil } from './support/wait-until.ts';

let it: Harness;
let refuse = new Set<string>();

beforeAll(async () => {
  it = await startHarness();
  it.database.fault = ({ idempotency_key: key }) =>
    refuse.has(key) ? new SyncError('not_canonical', 'scripted') : undefined;
});

const status = async (as = 'operator') => (await it.request('GET', '/v1/projections/status', { as })).body;

describe('dead letters', () => {
  test('I5 a refused event is shown and holds up its stream until an operator decides', async () => {
    refuse = new Set(['k1', 'k3']);
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('run:1', 0, 5) } });
    await it.request('POST', '/v1/projections', { as: 'feed', body: { events: eventsFor('feed', 10, 5) } });
    await waitUntil(async () => (await status()).dead === 1 && (await status()).delivered === 6);
    const { parked, pending } = await status();
    expect(pending).toBe(3);
    expect(parked).toMatchObject([
      {
        stream_id: 'runtime.run.1',
        idempotency_key: 'k1',
        client_id: 'feed',
        code: 'not_canonical',
        message: 'scripted',
      },
    ]);
    const health = await it.request('GET', '/healthz');
    expect(health.body).toMatchObject({ status: 'degraded', outbox: { parked_streams: 1, dead: 1, pending: 3 } });
    expect((await it.request('GET', '/metrics')).text).toMatch(/^cutover_outbox_parked_streams 1$/m);
    const again = await it.request('POST', '/v1/projections', {
      as: 'feed',
      body: { events: eventsFor('run:1', 1, 1) },
    });
    expect(again.body.events[0]).toMatchObject({ outcome: 'duplicate', state: 'dead' });
    // Somebody who may not see the stream does not see its letter.
    expect((await status('nobody')).parked).toEqual([]);
    expect((await status('nobody')).streams).toEqual([]);

    const id = parked[0].id as number;
    refuse = new Set(['k3']);
    expect((await it.request('POST', `/v1/projections/dead/${id}/retry`, { as: 'feed' })).status).toBe(403);
    expect((await it.request('POST', `/v1/projections/dead/${id}/retry`)).status).toBe(401);
    expect((await it.request('POST', `/v1/projections/dead/${id}/retry`, { as: 'operator' })).body).toMatchObject({
      decision: 'retry',
      id,
    });
    await waitUntil(async () => (await status()).parked[0]?.idempotency_key === 'k3');
    const next = (await status()).parked[0].id as number;
    expect((await it.request('POST', `/v1/projections/dead/${id}/discard`, { as: 'operator' })).status).toBe(404);
    expect((await it.request('POST', `/v1/projections/dead/${next}/discard`, { as: 'operator' })).status).toBe(200);
    await waitUntil(async () => (await status()).pending === 0);
    expect(it.database.keys('runtime.run.1')).toEqual(['k0', 'k1', 'k2', 'k4']);
    expect((await it.request('GET', '/healthz')).body.status).toBe('ok');
  });

  test('an id that is none is not found', async () => {
    for (const id of ['x', '-1', '99999999999999999999', '1e3', '123456']) {
      const answer = await it.request('POST', `/v1/projections/dead/${id}/retry`, { as: 'operator' });
      expect([id, answer.status, answer.body.code]).toEqual([id, 404, 'not_found']);
    }
  });

  afterAll(async () => {
    await it.control.close();
    const store = await openStore({ dataDir: it.dataDir });
    const rows = await store.db
      .selectFrom('audit_event')
      .select('event')
      .where('event', 'like', 'dead.%')
      .orderBy('id')
      .execute();
    await store.close();
    // The audit log keeps what was decided, also about the event that is gone.
    expect(rows.map((row) => row.event)).toEqual(['dead.parked', 'dead.retried', 'dead.parked', 'dead.discarded']);
  });
});
