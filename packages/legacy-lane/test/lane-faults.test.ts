import { genesisChain, streamIdForTopic } from '@autopilot/sync-contract';
import { afterEach, describe, expect, test } from '@jest/globals';
import { isUnknownChain, nativeEpoch, workerEventsTopic as topic } from '../src/index.ts';
import { type Client, epoch, upTo, World } from './support/khala-world.ts';

const id = streamIdForTopic('desktopw:host:shared');
let world: World;

afterEach(async () => {
  await world.close();
  expect(world.counted.leftovers()).toEqual([]);
});

/** A running khala and a lane that is live on the stream. */
async function live(
  options: Parameters<typeof World.start>[0] = {},
  lane: Parameters<World['client']>[0] = {},
  events = 3,
): Promise<Client> {
  world = await World.start(options);
  world.append(id, 1, events);
  const client = world.client(lane);
  client.lane.follow(id, null);
  client.lane.start();
  await isLive(client);
  return client;
}
const isLive = (client: Client) => world.until(() => client.lane.state === 'live', 'live');
const whole = async (client: Client, count: number): Promise<void> => {
  await world.until(() => client.seqs(id).length >= count, `${count} events`);
  await isLive(client);
  expect(client.seqs(id)).toEqual(upTo(count));
  expect(client.lane.stats().illegal_transitions).toBe(0);
};
const reasons = (client: Client) => client.of('state').map(({ to, reason }) => `${to}:${reason}`);

describe('one topic for everybody', () => {
  test('K5 twins are counted and applied once', async () => {
    const client = await live();
    world.append(id, 4, 6);
    await whole(client, 6);
    await world.until(() => client.lane.stats().twins === 6, 'six twins');
    expect(client.lane.stats()).toMatchObject({ twins: 6, updates: 12, duplicates: 0 });
  });

  test('K5 twins that cannot be read disturb nothing', async () => {
    const client = await live();
    for (const fault of ['malformed_frame_base64', 'malformed_frame_json'] as const)
      world.khala.faults.inject({ fault });
    world.append(id, 4, 4);
    await whole(client, 4);
    world.append(id, 5, 5);
    await whole(client, 5);
    await world.until(() => client.lane.stats().decode_errors.twin_not_json === 1, 'both errors');
    expect(client.lane.stats()).toMatchObject({ decode_errors: { not_base64: 1, twin_not_json: 1 }, stalled_reads: 0 });
  });

  test('K6 events of other owners are counted and dropped', async () => {
    const client = await live({}, { owns: (worker) => worker === 'desktopw:host:shared' });
    world.append(streamIdForTopic('desktopw:other:shared'), 1, 5);
    world.append(id, 4, 4);
    await whole(client, 4);
    expect(client.lane.stats()).toMatchObject({ foreign: 5, unfollowed: 0 });
    expect(client.signals.filter((signal) => 'stream_id' in signal && signal.stream_id !== id)).toEqual([]);
    client.lane.follow(streamIdForTopic('desktopw:other:shared'), null);
    expect(client.of('stream-closed')).toMatchObject([{ code: 'forbidden' }]);
  });

  test("K7 the topic's watermark is saved, the worker's sequence is the position", async () => {
    const client = await live();
    world.append(streamIdForTopic('another'), 1, 10);
    world.append(id, 4, 4);
    await whole(client, 4);
    await world.until(() => client.saved.at(-1) === 14n, 'the cursor 14');
    expect(client.lane.facts()).toMatchObject({ watermark: 14n, streams: { [id]: { position: { epoch, seq: 4n } } } });
    await client.lane.close();
    world.append(id, 5, 6);
    const again = world.client({ cursor: 14n });
    again.lane.follow(id, { epoch, seq: 4n });
    again.lane.start();
    await isLive(again);
    expect([again.seqs(id), again.saved.at(-1)]).toEqual([[5, 6], 16n]);
    expect(again.lane.stats().updates).toBe(4);
  });

  test('K8 native and mirrored events name epoch, key and kind', async () => {
    world = await World.start();
    const native = streamIdForTopic('native');
    world.khala.publish('native', { event_type: 'worker.turn/started', payload: { b: 2, a: [1, 0.5] } });
    world.append(id, 1, 1);
    const client = world.client();
    for (const each of [native, id]) client.lane.follow(each, null);
    client.lane.start();
    await isLive(client);
    expect(client.events(native)).toMatchObject([
      { epoch: nativeEpoch, kind: 'turn/started', payload: '{"a":[1,0.5],"b":2}', idempotency_key: 'khala:native:1' },
    ]);
    expect(client.events(id)).toMatchObject([{ epoch, kind: 'tick', payload: '{"n":1}', idempotency_key: 'key-1' }]);
  });
});

describe('what khala leaves out', () => {
  test.each([
    ['payload_null', { hydrations: 1 }],
    ['wrong_payload_hash', { hash_mismatches: 1 }],
    ['withhold_event', { watermark_gaps: 1 }],
  ] as const)('K9 %s: the event is read over HTTP, in its place', async (fault, counted) => {
    const client = await live({ twins: false });
    world.khala.faults.inject({ fault });
    world.append(id, 4, 8);
    await whole(client, 8);
    expect(client.lane.stats()).toMatchObject(counted);
    await world.until(() => client.saved.at(-1) === 8n, 'the cursor 8');
  });

  test('K9 a topic that only points is read over HTTP', async () => {
    const client = await live({ payloadMode: 'pointer' });
    world.append(id, 4, 20);
    await whole(client, 20);
    expect(client.lane.stats().hydrations).toBe(20);
  });

  test('K10 reordered and repeated batches change nothing', async () => {
    const client = await live();
    for (const fault of ['reorder_updates', 'duplicate_batch', 'binary_frame'] as const) {
      world.khala.faults.inject({ fault, times: 2 });
    }
    for (let n = 4; n <= 24; n += 3) world.append(id, n, n + 2);
    await whole(client, 24);
    await world.until(() => client.lane.stats().duplicates > 0, 'a repeated batch');
  });

  test('K11 an event that khala lost is no silent hole: stale at the place after it', async () => {
    const client = await live();
    world.khala.faults.inject({ fault: 'lose_event' });
    world.append(id, 4, 8);
    await world.until(() => client.of('stale').length === 1, 'a stale signal');
    expect(client.seqs(id)).toEqual([1, 2, 3]);
    const [stale] = client.of('stale');
    expect(stale).toMatchObject({ reason: 'retention_floor_breach', floor: { epoch, seq: 4n }, head: 8n });
    expect(isUnknownChain(stale?.floor_chain ?? '')).toBe(true);
    expect(client.lane.state).toBe('replaying');
    client.lane.rewind(id, stale?.floor ?? null);
    await isLive(client);
    expect(client.seqs(id)).toEqual([1, 2, 3, 5, 6, 7, 8]);
    expect(client.lane.stats().holes).toBe(1);
  });

  test('K11 the cursor is not saved beyond what was not handed over', async () => {
    const client = await live();
    world.khala.faults.inject({ fault: 'lose_event' });
    world.append(id, 4, 8);
    await world.until(() => client.of('stale').length === 1, 'a stale signal');
    expect(client.saved.at(-1)).toBe(4n);
  });

  test('K12 an event that cannot be used closes its stream with the place, and no other', async () => {
    const client = await live();
    const other = streamIdForTopic('other');
    client.lane.follow(other, null);
    world.append(other, 1, 1);
    world.khala.publish('desktopw:host:shared', {
      event_type: 'worker.tick',
      payload: { oa_mirror: { v: 2 }, body: 1 },
    });
    await world.until(() => client.of('stream-closed').some(({ stream_id }) => stream_id === id), 'the closing');
    expect(client.of('stream-closed').find(({ stream_id }) => stream_id === id)).toMatchObject({
      code: 'invalid_request',
    });
    world.append(other, 2, 3);
    await world.until(() => client.seqs(other).length === 3, 'the other stream');
  });

  test('K13 another epoch is told, also behind the position', async () => {
    const client = await live();
    world.khala.publish('desktopw:host:shared', {
      event_type: 'worker.tick',
      payload: { oa_mirror: { v: 1, epoch: 'epoch-2', idempotency_key: 'k' }, body: {} },
    });
    await world.until(() => client.of('stale').length === 1, 'a stale signal');
    expect(client.of('stale')[0]).toMatchObject({ reason: 'epoch_changed', floor: { epoch: 'epoch-2', seq: 3n } });
    const other = world.client();
    other.lane.follow(id, { epoch: 'epoch-0', seq: 2n });
    other.lane.start();
    await world.until(() => other.of('stale').length === 1, 'the other stale signal');
    expect(other.of('stale')[0]).toMatchObject({
      reason: 'epoch_changed',
      floor: { epoch, seq: 0n },
      floor_chain: genesisChain(id),
    });
  });

  test('K14 a position ahead of khala is kept, not clamped, and not live until khala is there', async () => {
    world = await World.start();
    world.append(id, 1, 3);
    const client = world.client();
    client.lane.follow(id, { epoch, seq: 5n });
    client.lane.start();
    await world.until(() => client.lane.facts().streams[id]?.ahead === true, 'ahead');
    expect(client.lane.state).toBe('replaying');
    world.append(id, 4, 6);
    await world.until(() => client.seqs(id).length === 1, 'event 6');
    await isLive(client);
    expect([client.seqs(id), client.of('stale')]).toEqual([[6], []]);
  });
});

describe('refused cursors', () => {
  test('K15 three copies of stale_cursor are one; the streams are read over HTTP, nothing is lost', async () => {
    world = await World.start();
    world.append(id, 1, 20);
    world.khala.trim(topic, 5);
    const client = world.client({ cursor: 2n });
    client.lane.follow(id, { epoch, seq: 2n });
    client.lane.start();
    await isLive(client);
    world.append(id, 21, 22);
    await world.until(() => client.seqs(id).length === 20, '20 events');
    expect(client.seqs(id)).toEqual(upTo(22, 3));
    expect(client.lane.stats()).toMatchObject({ stale: 1, attempts: 1 });
    expect([client.of('stale'), client.saved.at(-1)]).toEqual([[], 22n]);
  });

  test('K15 a budget that is exceeded as well', async () => {
    world = await World.start({ budgets: { [topic]: 4 } });
    world.append(id, 1, 20);
    const client = world.client({ cursor: 2n });
    client.lane.follow(id, { epoch, seq: 2n });
    client.lane.start();
    await isLive(client);
    expect([client.seqs(id), client.lane.stats().stale]).toEqual([upTo(20, 3), 1]);
  });

  test("K15 a cursor beyond the topic's end is found out: the topic would bring nothing for long", async () => {
    world = await World.start();
    world.append(id, 1, 3);
    const client = world.client({ cursor: 500n, headPollMs: 20 });
    client.lane.follow(id, null);
    client.lane.start();
    await isLive(client);
    world.append(id, 4, 5);
    await whole(client, 5);
    await world.until(() => client.saved.at(-1) === 5n, 'the cursor 5');
    expect(client.lane.stats().closes).toEqual({ missed_updates: 1 });
    await isLive(client);
    world.append(id, 6, 6);
    await whole(client, 6);
  });

  test('K16 a floor that khala names and one that has to be found', async () => {
    world = await World.start();
    world.append(id, 1, 20);
    world.keep(id, 6);
    for (const hide of [false, true]) {
      const { systemHttp } = await import('@autopilot/sync-contract/system-ports');
      const client = world.client({
        http: async (request) => {
          const answer = await systemHttp(request);
          return hide && answer.status === 410 ? { ...answer, body: '{"error":{"code":"stale_cursor"}}' } : answer;
        },
      });
      client.lane.follow(id, { epoch, seq: 1n });
      client.lane.start();
      await world.until(() => client.of('stale').length === 1, 'a stale signal');
      expect(client.of('stale')[0]).toMatchObject({ floor: { epoch, seq: 14n }, head: 20n });
    }
  });
});

describe('the connection', () => {
  test.each([
    ['phx_error', 'channel_error'],
    ['phx_close', 'channel_closed'],
    ['tcp_close', 'network'],
  ] as const)('K17 after %s the lane comes back', async (fault, code) => {
    const client = await live();
    world.khala.faults.inject({ fault });
    world.append(id, 4, 6);
    await whole(client, 6);
    expect(client.lane.stats().closes).toEqual({ [code]: 1 });
  });

  test('K17 a message of four elements is counted, and everything is read again', async () => {
    const client = await live();
    world.khala.faults.inject({ fault: 'short_frame' });
    await world.until(() => client.lane.stats().decode_errors.not_a_frame === 1, 'the error');
    world.append(id, 4, 5);
    await whole(client, 5);
    expect(client.lane.stats().attempts).toBe(1);
  });

  test("K18 throttled twice, then disconnected: khala's pause is kept", async () => {
    const client = await live();
    world.khala.faults.inject({ fault: 'slow_consumer', action: 'throttle' });
    await world.until(() => client.lane.stats().throttles === 1, 'a throttle');
    expect(client.lane.state).toBe('live');
    world.khala.faults.inject({ fault: 'slow_consumer', action: 'disconnect' });
    await world.until(() => client.lane.state === 'backoff', 'the disconnect');
    expect(client.lane.stats()).toMatchObject({ throttles: 1, disconnects: 1, closes: { slow_consumer: 1 } });
    expect(client.lane.facts().next_retry_ms).toBeGreaterThan(1500);
  });

  test('K19 a revoked session: a fresh token once, then needs-auth', async () => {
    const client = await live();
    world.khala.revoke({ session_ids: ['session-user-1'], device_ids: ['device-user-1'], reason: 'lost' });
    await world.until(() => client.lane.state === 'needs-auth', 'needs-auth');
    expect(client.asked).toEqual(['start', 'rejected']);
    expect(reasons(client).slice(-1)).toEqual(['needs-auth:reauth_required']);
    expect(client.lane.stats().reauths).toBe(1);
  });

  test('K19 a token that khala refuses is replaced once', async () => {
    world = await World.start();
    world.append(id, 1, 2);
    const tokens = ['not.a.token', world.khala.token()];
    const client = world.client({
      token: async () => ({ token: tokens.shift() ?? 'none', expires_at: Date.now() + 300_000 }),
    });
    client.lane.follow(id, null);
    client.lane.start();
    await whole(client, 2);
    expect(client.lane.stats().closes).toEqual({ unauthorized: 1 });
    const never = world.client({ token: async () => ({ token: 'bad', expires_at: Date.now() + 300_000 }) });
    never.lane.start();
    await world.until(() => never.lane.state === 'needs-auth', 'needs-auth');
    expect(never.lane.stats().attempts).toBe(2);
  });

  test('K19 a token is renewed before its end: no event lost or repeated, no attempt counted', async () => {
    let made = 0;
    const client = await live(
      {},
      {
        token: async () => {
          made += 1;
          return { token: world.khala.token(), expires_at: Date.now() + (made === 1 ? 1300 : 300_000) };
        },
      },
    );
    let n = 3;
    while (client.lane.stats().renewals === 0) {
      n += 1;
      world.append(id, n, n);
      await world.until(() => client.seqs(id).length >= n, `event ${n}`);
    }
    world.append(id, n + 1, n + 5);
    await whole(client, n + 5);
    expect(client.lane.stats()).toMatchObject({ attempts: 1, closes: { renewed: 1 } });
  });

  test('K22 a client that khala no longer takes fails with its code', async () => {
    world = await World.start({ compatibility: { min_client_build_id: '20990101T000000Z' } });
    const client = world.client();
    client.lane.start();
    await world.until(() => client.lane.state === 'failed', 'failed');
    expect(reasons(client).at(-1)).toBe('failed:upgrade_required');
    expect(client.of('state').at(-1)?.message).toContain('20990101T000000Z');
  });
});
