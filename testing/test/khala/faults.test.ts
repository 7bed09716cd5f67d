import { createHash } from 'node:crypto';
import { canonicalJson } from '@autopilot/sync-contract';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FaultRequest, type KhalaServer, startKhala, waitFor } from '../../src/index.ts';
import { manualPorts } from '../../src/manual-ports.ts';
import {
  call,
  closeClients,
  connect,
  events,
  follow,
  names,
  type RawClient,
  socketUrl,
  updatesOf,
} from './raw-client.ts';

let khala: KhalaServer;
let client: RawClient;

beforeEach(async () => {
  khala = await startKhala();
  client = await follow(khala);
});
afterEach(async () => {
  closeClients();
  await khala.close();
});

const publish = (count = 1, worker = 'w', payload: unknown = { body: 1 }): void => {
  for (let index = 0; index < count; index += 1) khala.publish(worker, { event_type: 'worker.a', payload });
};
const marks = (of: RawClient = client) => updatesOf(of.messages).map((update) => update.watermark);
const reaches = (mark: number, of: RawClient = client) =>
  waitFor(() => marks(of).includes(mark), { describe: () => `watermark ${mark} in ${marks(of)}` });
const hashOf = (value: unknown) => createHash('sha256').update(canonicalJson(value)).digest('base64');
const post = (worker: string, payload: unknown = {}) =>
  call('POST', `${khala.url}/api/runtime/codex/workers/${encodeURIComponent(worker)}/events`, {
    event: { event_type: 'worker.a', payload },
  });

describe('faults of batches', () => {
  test('duplicate_batch pushes one batch twice, twins included, to every subscriber', async () => {
    const other = await follow(khala);
    khala.faults.inject({ fault: 'duplicate_batch' });
    publish(2);
    await reaches(2);
    publish(1);
    for (const each of [client, other]) {
      await reaches(3, each);
      expect(marks(each)).toEqual([1, 2, 1, 2, 3]);
    }
    expect(names(client.fresh().slice(0, 4))).toEqual([
      'sync:update_batch',
      'sync:frame',
      'sync:update_batch',
      'sync:frame',
    ]);
    expect(khala.faults.fired()).toEqual({ duplicate_batch: 1 });
  });

  test('reorder_updates waits for a batch of two', async () => {
    khala.faults.inject({ fault: 'reorder_updates', topic: events });
    publish(1);
    await reaches(1);
    publish(3);
    await reaches(2);
    expect(marks()).toEqual([1, 4, 3, 2]);
  });

  test('binary_frame sends the same bytes as binary', async () => {
    khala.faults.inject({ fault: 'binary_frame' });
    publish(1);
    await reaches(1);
    publish(1);
    await reaches(2);
    const kinds = client.binary.slice(2);
    expect(kinds.slice(0, 3)).toEqual([true, true, false]);
  });

  test.each([
    ['malformed_frame_base64', (text: string) => expect(text).toMatch(/[^A-Za-z0-9+/=]/)],
    [
      'malformed_frame_json',
      (text: string) => expect(() => JSON.parse(Buffer.from(text, 'base64').toString())).toThrow(SyntaxError),
    ],
  ])('%s spoils the twin and not the batch', async (fault, check) => {
    khala.faults.inject({ fault });
    publish(1);
    const twin = await client.until('sync:frame');
    check((twin[4] as { payload_bytes: string }).payload_bytes);
    expect(marks()).toEqual([1]);
  });
});

describe('faults of events', () => {
  test('withhold_event leaves a gap live, and the replay and HTTP have it', async () => {
    khala.faults.inject({ fault: 'withhold_event', worker: 'w' });
    publish(1, 'v');
    publish(2);
    await reaches(3);
    expect(marks()).toEqual([1, 3]);
    const late = await follow(khala);
    expect(marks(late)).toEqual([1, 2, 3]);
    expect(khala.events('w').map((event) => event.seq)).toEqual([1, 2]);
  });

  test('lose_event gives its numbers away and stores nothing', async () => {
    publish(1);
    khala.faults.inject({ fault: 'lose_event' });
    expect((await post('w')).body.data).toMatchObject({ seq: 2 });
    expect((await post('w')).body.data).toMatchObject({ seq: 3 });
    await reaches(3);
    const late = await follow(khala);
    expect([marks(), marks(late)]).toEqual([
      [1, 3],
      [1, 3],
    ]);
    expect(khala.events('w').map((event) => event.seq)).toEqual([1, 3]);
    const { body } = await call('GET', `${khala.url}/api/runtime/codex/workers/w/stream?cursor=1`);
    expect(body.data).toMatchObject({ events: [{ seq: 3 }], latest_seq: 3 });
  });

  test('a lost event at the head does not hold the position back', async () => {
    publish(1);
    khala.faults.inject({ fault: 'lose_event' });
    publish(1);
    const late = await follow(khala);
    publish(1);
    await reaches(3, late);
    expect(marks(late)).toEqual([1, 3]);
  });

  test('payload_null points to HTTP', async () => {
    khala.faults.inject({ fault: 'payload_null' });
    publish(2);
    await reaches(2);
    expect(updatesOf(client.messages).map((update) => [update.payload === null, update.hydration_required])).toEqual([
      [true, true],
      [false, false],
    ]);
    expect(khala.events('w')[0]?.payload).toEqual({ body: 1 });
  });

  test('wrong_payload_hash spoils the hash only', async () => {
    khala.faults.inject({ fault: 'wrong_payload_hash' });
    publish(2);
    await reaches(2);
    const [bad, good] = updatesOf(client.messages);
    expect(bad?.payload_hash).not.toBe(hashOf(bad?.payload));
    expect(Buffer.from(bad?.payload_hash ?? '', 'base64')).toHaveLength(32);
    expect(good?.payload_hash).toBe(hashOf(good?.payload));
    expect(bad?.payload?.payload).toEqual({ body: 1 });
  });

  test('changed_payload diverges with a right hash', async () => {
    khala.faults.inject({ fault: 'changed_payload' });
    khala.faults.inject({ fault: 'changed_payload', payload: { mine: 1 } });
    publish(2, 'w', { oa_mirror: { v: 1 }, body: 'x' });
    publish(1);
    await reaches(3);
    const updates = updatesOf(client.messages);
    expect(updates.map((update) => update.payload?.payload)).toEqual([
      { oa_mirror: { v: 1 }, body: { changed: true } },
      { mine: 1 },
      { body: 1 },
    ]);
    expect(updates.map((update) => update.payload_hash)).toEqual(updates.map((update) => hashOf(update.payload)));
    expect(khala.events('w').map((event) => event.payload)).toEqual(updates.map((update) => update.payload?.payload));
  });

  test('append_twice answers the first seq', async () => {
    khala.faults.inject({ fault: 'append_twice' });
    expect((await post('w')).body.data).toMatchObject({ seq: 1 });
    expect((await post('w')).body.data).toMatchObject({ seq: 3 });
    expect(khala.events('w').map((event) => event.seq)).toEqual([1, 2, 3]);
  });
});

describe('faults of connections', () => {
  test.each(['phx_error', 'phx_close'] as const)('%s ends the channel and not the socket', async (fault) => {
    const other = await follow(khala);
    khala.faults.inject({ fault, connection: 1 });
    expect(await client.until(fault)).toEqual(['1', '1', 'sync:v1', fault, {}]);
    publish(1);
    await reaches(1, other);
    expect(marks()).toEqual([]);
    expect((await client.join()).status).toBe('ok');
    expect(names(other.messages)).not.toContain(fault);
  });

  test('tcp_close cuts without a close frame', async () => {
    khala.faults.inject({ fault: 'tcp_close' });
    expect(await waitFor(() => client.closed(), { describe: 'the close' })).toBe(1006);
  });

  test('short_frame pushes four elements', async () => {
    khala.faults.inject({ fault: 'short_frame' });
    await waitFor(() => client.messages.at(-1)?.length === 4, { describe: 'a message of four' });
    expect(client.messages.at(-1)).toEqual(['1', null, 'sync:v1', 'sync:heartbeat']);
  });

  test('refuse_connections with a status, and without', async () => {
    khala.faults.inject({ fault: 'refuse_connections', status: 503 });
    const takeBack = khala.faults.inject({ fault: 'refuse_connections', times: 'always' });
    await expect(connect(socketUrl(khala))).rejects.toMatchObject({ status: 503 });
    for (const _ of [1, 2]) await expect(connect(socketUrl(khala))).rejects.toThrow('socket hang up');
    expect(khala.connections.total).toBe(1);
    expect(khala.counters.refused).toBe(3);
    takeBack();
    await connect(socketUrl(khala));
  });
});

describe('faults of HTTP', () => {
  test('lost_response appends, lost_request does not', async () => {
    khala.faults.inject({ fault: 'lost_response', worker: 'w' });
    khala.faults.inject({ fault: 'lost_request', worker: 'v' });
    await expect(post('w')).rejects.toThrow('fetch failed');
    await expect(post('v')).rejects.toThrow('fetch failed');
    expect((await post('w')).body.data).toMatchObject({ seq: 2 });
    expect((await post('v')).body.data).toMatchObject({ seq: 1 });
  });

  test('http_status strikes one route', async () => {
    khala.faults.inject({ fault: 'http_status', status: 503, route: 'workers', times: 2 });
    expect((await call('POST', `${khala.url}/api/khala/token`, {})).status).toBe(200);
    expect([(await post('w')).status, (await post('w')).status, (await post('w')).status]).toEqual([503, 503, 202]);
  });

  test('delay holds an answer or a push for as long as it says', async () => {
    const ports = manualPorts();
    const other = await startKhala({ clock: ports.clock, scheduler: ports.scheduler });
    try {
      const reader = await follow(other);
      other.faults.inject({ fault: 'delay', on: 'push', ms: 1000 });
      other.publish('w', { event_type: 'worker.a', payload: {} });
      reader.send('1', 'h', 'sync:v1', 'sync:heartbeat', {});
      await reader.reply('h');
      ports.advance(999);
      reader.send('1', 'i', 'sync:v1', 'sync:heartbeat', {});
      await reader.reply('i');
      expect(marks(reader)).toEqual([]);
      ports.advance(1);
      await reaches(1, reader);

      other.faults.inject({ fault: 'delay', on: 'http', ms: 1000 });
      let answered = false;
      const asked = call('GET', `${other.url}/api/runtime/codex/workers/w`).then(({ status }) => {
        answered = true;
        return status;
      });
      await waitFor(() => other.faults.fired().delay === 2, { describe: 'the delay' });
      ports.advance(999);
      await call('GET', `${other.url}/__fixture/stats`);
      expect(answered).toBe(false);
      ports.advance(1);
      expect(await asked).toBe(200);
    } finally {
      await other.close();
    }
  });
});

describe('the control of faults', () => {
  const faults = () => `${khala.url}/__fixture/faults`;

  test('over HTTP: inject, look, clear', async () => {
    const standing: FaultRequest = { fault: 'duplicate_batch', times: 'always' };
    expect(await call('POST', faults(), standing)).toMatchObject({
      status: 200,
      body: { waiting: [{ fault: 'duplicate_batch', left: 'always' }] },
    });
    publish(1);
    await waitFor(() => marks().length === 2, { describe: 'the first twice' });
    publish(1);
    await waitFor(() => marks().length === 4, { describe: 'the second twice' });
    expect((await call('GET', faults())).body).toEqual({
      waiting: [{ fault: 'duplicate_batch', left: 'always' }],
      fired: { duplicate_batch: 2 },
    });
    await call('POST', faults(), { fault: 'lose_event', times: 3 });
    expect((await call('DELETE', `${faults()}?fault=duplicate_batch`)).body).toEqual({
      waiting: [{ fault: 'lose_event', left: 3 }],
    });
    expect((await call('DELETE', faults())).body).toEqual({ waiting: [] });
    await call('POST', faults(), { fault: 'tcp_close' });
    await waitFor(() => client.closed() !== undefined, { describe: 'the close' });
  });

  test.each([
    [undefined, 'is an object'],
    [[], 'is an object'],
    [{}, 'no fault undefined'],
    [{ fault: 'toString' }, 'no fault "toString"'],
    [{ fault: 'lose_event', topic: 'x' }, 'takes times, worker, not "topic"'],
    [{ fault: 'lose_event', times: 0 }, 'times of the fault lose_event must be "always" or a whole number from 1'],
    [{ fault: 'delay', on: 'push' }, 'needs ms'],
    [{ fault: 'delay', on: 'x', ms: 1 }, 'on of the fault delay must be http or push'],
    [{ fault: 'http_status', status: 200 }, 'from 400 to 599'],
    [{ fault: 'slow_consumer' }, 'needs action'],
  ])('refuses %j', async (request, message) => {
    const { status, body } = await call('POST', faults(), request);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'invalid_fault', message: expect.stringContaining(message) });
    expect(() => khala.faults.inject(request)).toThrow(expect.objectContaining({ code: 'invalid_fault' }));
    expect(khala.faults.waiting()).toEqual([]);
  });

  test('trim and stats over HTTP', async () => {
    publish(4);
    await reaches(4);
    const trim = (body: object) => call('POST', `${khala.url}/__fixture/trim`, body);
    expect((await trim({ topic: events, keep: 1 })).status).toBe(200);
    expect((await trim({ worker: 'w', keep: 2 })).status).toBe(200);
    expect(await trim({ topic: 'x', keep: 1 })).toMatchObject({
      status: 400,
      body: { error: { code: 'unknown_topic' } },
    });
    expect((await trim({ worker: 'x', keep: 1 })).body.error).toMatchObject({ code: 'unknown_worker' });
    expect((await trim({ topic: events, keep: -1 })).status).toBe(400);
    expect((await call('GET', `${khala.url}/__fixture/else`)).status).toBe(404);
    expect((await call('GET', `${khala.url}/__fixture/stats`)).body).toMatchObject({
      connections: { total: 1, open: 1 },
      counters: { joins: 1, subscriptions: 1 },
      published: { w: 4 },
    });
  });
});
