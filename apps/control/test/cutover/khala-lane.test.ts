import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { startKhala } from '@autopilot/testing';
import { describe, expect, test } from '@jest/globals';
import { loadKhala } from '../../src/mirror/load-khala.ts';
import { atEnd } from '../support/cleanup.ts';
import { eventsFor, startHarness } from '../support/harness.ts';
import { waitUntil } from '../support/wait-until.ts';

// The mirror through the lane of this build, into a khala that answers over HTTP.

const fast = { poll: 5, backoff: { floorMs: 0, baseMs: 1, capMs: 4 } };

describe('mirror into a khala over HTTP', () => {
  test('I11 requests and answers are lost, and every event is there once, in order, marked with epoch and key', async () => {
    const khala = await startKhala({ users: { 'let-me-in': { user_id: 'control' } } });
    atEnd(() => khala.close());
    const it = await startHarness({ khala: { url: khala.url, secret: 'let-me-in' }, mirror: fast });
    khala.faults.inject({ fault: 'lost_response', times: 3 });
    khala.faults.inject({ fault: 'lost_request', times: 3 });
    const body = { events: eventsFor('run:1', 0, 40) };
    expect((await it.request('POST', '/v1/projections', { as: 'feed', body })).status).toBe(202);
    await waitUntil(() => khala.events('run:1').length >= 40);
    await waitUntil(async () => /^cutover_mirror_depth_events 0$/m.test((await it.request('GET', '/metrics')).text));
    const events = khala.events('run:1');
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    const epoch = it.database.epochs.get('runtime.run.1');
    expect(events.map((event) => [event.event_type, event.payload])).toEqual(
      Array.from({ length: 40 }, (_, n) => [
        'worker.item/completed',
        { oa_mirror: { v: 1, epoch, idempotency_key: `k${n}` }, body: { n } },
      ]),
    );
    expect((await it.request('GET', '/metrics')).text).toMatch(
      /^cutover_mirror_events_total\{outcome="duplicate"\} [1-9]/m,
    );
    await it.control.close();
  }, 20_000);

  test('a build without the lane says so, and starts without it', async () => {
    const options = { url: 'http://127.0.0.1:9', secret: undefined, http: systemHttp, ports: systemPorts };
    const without = loadKhala(options, '../lanes/gone.ts');
    await expect(without).rejects.toMatchObject({ code: 'khala_not_installed', next: expect.any(String) });
    const start = startHarness({
      khala: { url: 'http://127.0.0.1:9' },
      openKhala: () => loadKhala(options, '../lanes/gone.ts'),
    });
    await expect(start).rejects.toMatchObject({ code: 'khala_not_installed' });
    const it = await startHarness();
    expect((await it.request('GET', '/healthz')).body.status).toBe('ok');
    await it.control.close();
  });

  test('a secret that the mint refuses keeps the events, and khala that is not there is not reachable', async () => {
    const khala = await startKhala({ users: { other: { user_id: 'x' } } });
    const options = { url: khala.url, secret: 'wrong', http: systemHttp, ports: systemPorts };
    const target = await loadKhala(options);
    expect(await target.reachable()).toBe(false);
    const event = { kind: 'k', payload: '{}', idempotency_key: 'a', epoch: 'e' };
    await expect(target.publish('run:1', event, { after: 0n, doubt: true })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(await (await loadKhala({ ...options, secret: 'other' })).reachable()).toBe(true);
    await khala.close();
    expect(await (await loadKhala({ ...options, secret: 'other' })).reachable()).toBe(false);
  });
});
