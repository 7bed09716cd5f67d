import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type KhalaServer, startKhala, waitFor } from '../../src/index.ts';
import { closeClients, connect, events, follow, names, type RawClient, socketUrl, updatesOf } from './raw-client.ts';

let khala: KhalaServer;
let client: RawClient;

beforeEach(async () => {
  khala = await startKhala({ owners: { 'worker:b': 'user-2' } });
  client = await connect(socketUrl(khala));
});
afterEach(async () => {
  closeClients();
  await khala.close();
});

const publish = (worker: string, count: number): void => {
  for (let index = 0; index < count; index += 1)
    khala.publish(worker, { event_type: 'worker.tick', payload: { index } });
};

describe('the channel', () => {
  test('answers a join with the granted topics', async () => {
    client.send(null, '1', 'sync:v1', 'phx_join', {});
    await client.reply('1');
    expect(client.messages).toEqual([
      [
        null,
        '1',
        'sync:v1',
        'phx_reply',
        { status: 'ok', response: { subscription_id: 'sub_1', allowed_topics: [events], current_watermarks: [] } },
      ],
    ]);
    expect(khala.counters.joins).toBe(1);
  });

  test('refuses another channel, and what comes before a join', async () => {
    client.send('1', '1', 'sync:v2', 'phx_join', {});
    expect(await client.reply('1')).toEqual({ status: 'error', response: { code: 'bad_topic' } });
    client.send('1', '2', 'sync:v1', 'sync:heartbeat', {});
    expect(await client.reply('2')).toEqual({ status: 'error', response: { reason: 'unmatched topic' } });
    client.send(null, '3', 'phoenix', 'heartbeat', {});
    expect(await client.reply('3')).toEqual({ status: 'ok', response: {} });
  });

  test('pushes the replay before the reply, in batches of the size asked for, each with its twin', async () => {
    publish('worker:a', 3);
    await client.join();
    client.fresh();
    const reply = await client.subscribe({ topics: [events], resume_after: { [events]: 0 }, replay_batch_size: 2 });
    const messages = client.fresh();
    expect(names(messages)).toEqual([
      'sync:update_batch',
      'sync:frame',
      'sync:update_batch',
      'sync:frame',
      'phx_reply',
    ]);
    expect(reply).toEqual({
      status: 'ok',
      response: { subscription_id: 'sub_1', topics: [events], current_watermarks: [{ topic: events, watermark: 3 }] },
    });
    const [first, twin, second] = messages.map((message) => message[4] as Record<string, unknown>);
    expect([first?.replay_complete, second?.replay_complete]).toEqual([false, true]);
    expect(first?.head_watermarks).toEqual([{ topic: events, watermark: 3 }]);
    const { payload_bytes, ...rest } = twin as { payload_bytes: string };
    expect(rest).toEqual({ topic: events, seq: 2, kind: 'KHALA_FRAME_KIND_UPDATE_BATCH', schema_version: 1 });
    expect(JSON.parse(Buffer.from(payload_bytes, 'base64').toString())).toEqual(first);
  });

  test('writes an update with both spellings, its key, and the hash of its canonical payload', async () => {
    khala.publish('run:42:events', { event_type: 'worker.output', payload: { b: 1, a: 'ü' } });
    await client.join();
    await client.subscribe({ topics: [events] });
    const [update] = updatesOf(client.messages);
    const occurred = update?.payload?.occurred_at as string;
    const canonical =
      `{"eventType":"worker.output","event_type":"worker.output","occurredAt":"${occurred}",` +
      `"occurred_at":"${occurred}","payload":{"a":"ü","b":1},"seq":1,` +
      `"workerId":"run:42:events","worker_id":"run:42:events"}`;
    expect(update).toEqual({
      topic: events,
      doc_key: 'runtime/codex_worker_event:run:42:events:1',
      doc_version: 1,
      payload: JSON.parse(canonical),
      payload_hash: createHash('sha256').update(canonical).digest('base64'),
      watermark: 1,
      hydration_required: false,
    });
  });

  test('an empty replay has no batch', async () => {
    publish('worker:a', 2);
    await client.join();
    client.fresh();
    await client.subscribe({ topics: [` ${events} `, '', events], resume_after: [{ topic: events, watermark: 2 }] });
    expect(names(client.fresh())).toEqual(['phx_reply']);
  });

  test('counts the topic and each worker apart, and shows every owner to every subscriber', async () => {
    publish('worker:a', 1);
    await client.join();
    await client.subscribe({ topics: [events], resume_after: { [events]: 1 } });
    publish('worker:b', 2);
    publish('worker:a', 1);
    const updates = await waitFor(
      () => {
        const seen = updatesOf(client.messages);
        return seen.length === 3 && seen;
      },
      { describe: 'three updates' },
    );
    expect(updates.map(({ watermark, payload }) => [watermark, payload?.worker_id, payload?.seq])).toEqual([
      [2, 'worker:b', 1],
      [3, 'worker:b', 2],
      [4, 'worker:a', 2],
    ]);
    expect(khala.published()).toEqual({ 'worker:a': 2, 'worker:b': 2 });
    expect(khala.head(events)).toBe(4);
  });

  test('two subscribers at different places each get every event once and in order', async () => {
    publish('worker:a', 5);
    const late = await follow(khala, 4);
    await client.join();
    publish('worker:a', 300);
    await client.subscribe({ topics: [events], resume_after: { [events]: 0 }, replay_batch_size: 7 });
    publish('worker:a', 300);
    for (const [each, from] of [
      [client, 1],
      [late, 5],
    ] as const) {
      await waitFor(() => updatesOf(each.messages).length === 606 - from, { describe: `${606 - from} updates` });
      const marks = updatesOf(each.messages).map((update) => update.watermark);
      expect(marks).toEqual(Array.from({ length: 606 - from }, (_, index) => index + from));
    }
  });

  test.each([
    { topics: 'x' },
    { topics: [] },
    { topics: [' '] },
    { topics: [events], resume_after: { [events]: -1 } },
    { topics: [events], resume_after: { [events]: '1' } },
    { topics: [events], resume_after: [{ topic: events }] },
    { topics: [events], resume_after: [null] },
    { topics: [events], resume_after: 7 },
  ])('refuses the subscription %j', async (payload) => {
    await client.join();
    expect(await client.subscribe(payload)).toEqual({ status: 'error', response: { code: 'bad_subscription' } });
  });

  test('refuses topics that are unknown or not granted, and then the whole subscription', async () => {
    await client.join();
    expect(await client.subscribe({ topics: [events, 'x.y'], resume_after: 7 })).toEqual({
      status: 'error',
      response: { code: 'forbidden_topic', forbidden_topics: ['x.y'] },
    });
    expect(await client.subscribe({ topics: [events, 'runtime.notifications'] }, '3')).toEqual({
      status: 'error',
      response: { code: 'forbidden_topic', forbidden_topics: ['runtime.notifications'] },
    });
    expect(khala.counters.subscriptions).toBe(0);
  });

  test('serves all four topics, and takes them away again', async () => {
    const topics = ['runtime.run_summaries', 'runtime.codex_worker_summaries', events, 'runtime.notifications'];
    const all = await connect(socketUrl(khala, { token: khala.token({ scopes: topics }) }));
    await all.join();
    await all.subscribe({ topics });
    for (const topic of topics) khala.publishUpdate(topic, { doc_key: 'k', doc_version: 1, payload: { topic } });
    await waitFor(() => updatesOf(all.messages).length === 4, { describe: 'an update of each topic' });
    expect(
      updatesOf(all.messages)
        .map((update) => update.topic)
        .sort(),
    ).toEqual([...topics].sort());
    all.send('1', '3', 'sync:v1', 'sync:unsubscribe', { topics: topics.slice(1) });
    expect(await all.reply('3')).toEqual({
      status: 'ok',
      response: { subscription_id: 'sub_2', topics: ['runtime.run_summaries'] },
    });
    all.send('1', '4', 'sync:v1', 'sync:unsubscribe', {});
    expect(await all.reply('4')).toEqual({ status: 'error', response: { code: 'bad_subscription' } });
  });

  test('answers a heartbeat with a push and a reply', async () => {
    publish('worker:a', 2);
    const other = await follow(khala);
    other.send('1', '9', 'sync:v1', 'sync:heartbeat', {});
    await other.reply('9');
    const watermarks = [{ topic: events, watermark: 2 }];
    expect(other.fresh()).toEqual([
      ['1', null, 'sync:v1', 'sync:heartbeat', { watermarks }],
      ['1', '9', 'sync:v1', 'phx_reply', { status: 'ok', response: { subscription_id: 'sub_2', watermarks } }],
    ]);
  });

  test('lets a channel leave and join again', async () => {
    await client.join();
    client.send('1', '2', 'sync:v1', 'phx_leave', {});
    await client.until('phx_close');
    client.send('3', '3', 'sync:v1', 'phx_join', {});
    expect((await client.reply('3')).status).toBe('ok');
    client.send('3', '4', 'sync:v1', 'nonsense', {});
    expect(await client.until('phx_error')).toEqual(['3', '3', 'sync:v1', 'phx_error', {}]);
  });

  test.each(['[1,2]', '{', '["1","2","sync:v1",7,{}]'])('closes on %s', async (text) => {
    client.ws.send(text);
    expect(await waitFor(() => client.closed(), { describe: 'the close' })).toBe(1011);
  });

  test('counts connections and the bytes that came', async () => {
    expect(khala.connections).toMatchObject({ total: 1, open: 1, tcp: 1 });
    const before = khala.connections.bytesReceived;
    await client.join();
    expect(khala.connections.bytesReceived).toBeGreaterThan(before);
    const bytes = khala.connections.bytesReceived;
    client.ws.terminate();
    await waitFor(() => khala.connections.open === 0, { describe: 'no open connection' });
    expect(khala.connections).toMatchObject({ total: 1, bytesReceived: bytes });
  });
});

describe('options of the channel', () => {
  test('without twins, in pointer mode, with a batch size and a sanitizer', async () => {
    const other = await startKhala({
      twins: false,
      payloadMode: 'pointer',
      batchSize: 2,
      sanitize: (payload) => ({ ...(payload as object), clean: true }),
    });
    try {
      for (const index of [1, 2, 3]) other.publish('w', { event_type: 'worker.a', payload: { index } });
      const reader = await connect(socketUrl(other));
      await reader.join();
      reader.fresh();
      await reader.subscribe({ topics: [events] });
      const messages = reader.fresh();
      expect(names(messages)).toEqual(['sync:update_batch', 'sync:update_batch', 'phx_reply']);
      expect(updatesOf(messages).map(({ payload, hydration_required }) => [payload, hydration_required])).toEqual(
        Array.from({ length: 3 }, () => [null, true]),
      );
      expect(other.events('w').map((event) => event.payload)).toEqual(
        [1, 2, 3].map((index) => ({ index, clean: true })),
      );
    } finally {
      await other.close();
    }
  });

  test('refuses events that it cannot store', () => {
    const bad = (event: unknown) => () => khala.publish('w', event as never);
    expect(bad({ event_type: '', payload: {} })).toThrow(expect.objectContaining({ code: 'invalid_event' }));
    expect(bad({ event_type: 'w'.repeat(161), payload: {} })).toThrow(
      expect.objectContaining({ code: 'invalid_event' }),
    );
    expect(bad({ event_type: 'worker.a', payload: 2 ** 60 })).toThrow(
      expect.objectContaining({ code: 'invalid_event' }),
    );
    expect(() => khala.publish('', { event_type: 'worker.a', payload: 1 })).toThrow('empty');
    expect(() => khala.head('x')).toThrow(expect.objectContaining({ code: 'unknown_topic' }));
    expect(khala.published()).toEqual({});
  });
});
