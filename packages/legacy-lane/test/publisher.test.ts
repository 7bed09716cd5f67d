import type { HttpClient } from '@autopilot/sync-contract';
import { systemHttp } from '@autopilot/sync-contract/system-ports';
import { type KhalaServer, startKhala } from '@autopilot/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createKhalaPublisher, type KhalaDraft, KhalaError, type KhalaPublisher } from '../src/index.ts';

const worker = 'desktopw:host:shared';
const draft = (n: number): KhalaDraft => ({
  kind: 'tick',
  payload: `{"n":${n}}`,
  idempotency_key: `k${n}`,
  epoch: 'e',
});

let khala: KhalaServer;
let publisher: KhalaPublisher;
let posts = 0;

const counted: HttpClient = (request) => {
  if (request.method === 'POST') posts += 1;
  return systemHttp(request);
};
const start = async (options: Parameters<typeof startKhala>[0] = {}): Promise<void> => {
  khala = await startKhala(options);
  publisher = createKhalaPublisher({ http: counted, url: khala.url, token: () => khala.token() });
};
beforeEach(async () => {
  posts = 0;
  await start();
});
afterEach(() => khala.close());

const failing = async (call: Promise<unknown>): Promise<KhalaError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof KhalaError)) throw new Error(`no KhalaError: ${String(error)}`);
  return error;
};
const bodies = () => khala.events(worker).map(({ payload }) => (payload as { body: unknown }).body);

describe('the publisher', () => {
  test('K20 appends in order and says where', async () => {
    for (const n of [1, 2, 3]) {
      expect(await publisher.publish(worker, draft(n))).toEqual({ outcome: 'appended', seq: BigInt(n) });
    }
    expect(bodies()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(khala.events(worker)[0]).toMatchObject({
      event_type: 'worker.tick',
      payload: { oa_mirror: { v: 1, epoch: 'e', idempotency_key: 'k1' }, body: { n: 1 } },
    });
    expect(await publisher.latest(worker)).toBe(3n);
    expect(await publisher.latest('nobody')).toBe(0n);
  });

  test('K20 after a lost answer the event is found instead of being sent again', async () => {
    await publisher.publish(worker, draft(1));
    khala.faults.inject({ fault: 'lost_response' });
    const error = await failing(publisher.publish(worker, draft(2)));
    expect([error.code, error.details.after, error.recovery]).toEqual(['publish_outcome_unknown', '1', 'retry']);
    expect(await publisher.publish(worker, draft(2))).toEqual({ outcome: 'duplicate', seq: 2n });
    expect(await publisher.publish(worker, draft(3))).toEqual({ outcome: 'appended', seq: 3n });
    expect([bodies(), posts]).toEqual([[{ n: 1 }, { n: 2 }, { n: 3 }], 3]);
  });

  test('K20 after a lost request the event is sent again', async () => {
    khala.faults.inject({ fault: 'lost_request' });
    expect((await failing(publisher.publish(worker, draft(1)))).code).toBe('publish_outcome_unknown');
    expect(await publisher.publish(worker, draft(1))).toEqual({ outcome: 'appended', seq: 1n });
    expect(bodies()).toEqual([{ n: 1 }]);
  });

  test('K20 another publisher that was told where to look finds it, over many pages', async () => {
    await khala.close();
    await start({ streamPage: 3 });
    for (let n = 1; n <= 20; n += 1) await publisher.publish(worker, draft(n));
    const later = createKhalaPublisher({ http: systemHttp, url: khala.url, token: () => khala.token() });
    expect(await later.publish(worker, draft(17), { after: 2n, doubt: true })).toEqual({
      outcome: 'duplicate',
      seq: 17n,
    });
    expect(khala.events(worker)).toHaveLength(20);
  });

  test('K20 the same key with another payload is a conflict, and nothing is sent', async () => {
    await publisher.publish(worker, draft(1));
    const other = { ...draft(2), idempotency_key: 'k1' };
    const error = await failing(publisher.publish(worker, other, { after: 0n, doubt: true }));
    expect([error.code, error.recovery]).toEqual(['idempotency_conflict', 'stop']);
    expect(khala.events(worker)).toHaveLength(1);
  });

  test('K20 where the place to look is no longer kept, nothing is sent', async () => {
    for (let n = 1; n <= 5; n += 1) await publisher.publish(worker, draft(n));
    khala.trimWorker(worker, 2);
    const error = await failing(publisher.publish(worker, draft(2), { after: 1n, doubt: true }));
    expect(error.code).toBe('read_back_unavailable');
    expect(khala.events(worker).filter(({ seq }) => seq > 5)).toEqual([]);
  });

  test.each([
    [401, 'unauthorized', 'refresh-token'],
    [403, 'unauthorized', 'refresh-token'],
    [409, 'worker_stopped', 'ask-user'],
    [413, 'payload_too_large', 'stop'],
    [422, 'invalid_event', 'stop'],
    [426, 'upgrade_required', 'ask-user'],
    [429, 'rate_limited', 'retry'],
    [503, 'publish_outcome_unknown', 'retry'],
  ])('K21 an event that is answered with %d is %s', async (status, code, recovery) => {
    await publisher.publish(worker, draft(1));
    khala.faults.inject({ fault: 'http_status', route: 'workers', status });
    const error = await failing(publisher.publish(worker, draft(2)));
    expect([error.code, error.recovery]).toEqual([code, recovery]);
    expect(error.next.length).toBeGreaterThan(0);
    expect(await publisher.publish(worker, draft(2))).toEqual({ outcome: 'appended', seq: 2n });
    expect(bodies()).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test("K21 khala's own limits: a payload that is too large, and too many in a second", async () => {
    await khala.close();
    // Khala's time stands still, so that all of it falls into one second.
    await start({ publishLimits: true, clock: { now: () => Date.now(), monotonic: () => 0 } });
    const large = { ...draft(1), payload: JSON.stringify('x'.repeat(200_000)) };
    expect((await failing(publisher.publish(worker, large))).code).toBe('payload_too_large');
    let code = '';
    for (let n = 1; n <= 400 && code === ''; n += 1) {
      code = await publisher.publish(worker, draft(n)).then(
        () => '',
        (error: KhalaError) => error.code,
      );
    }
    expect(code).toBe('rate_limited');
  });

  test('K21 a payload that is not canonical is refused before anything is sent', async () => {
    await expect(publisher.publish(worker, { ...draft(1), payload: '{ "n": 1 }' })).rejects.toMatchObject({
      code: 'not_canonical',
    });
    expect(posts).toBe(0);
  });
});
