import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type KhalaServer, startKhala, waitFor } from '../../src/index.ts';
import { type ManualPorts, manualPorts } from '../../src/manual-ports.ts';
import { closeClients, connect, events, follow, names, socketUrl, updatesOf } from './raw-client.ts';

let khala: KhalaServer;
let ports: ManualPorts;

beforeEach(async () => {
  ports = manualPorts();
  khala = await startKhala({ clock: ports.clock, scheduler: ports.scheduler, budgets: { [events]: 10 } });
});
afterEach(async () => {
  closeClients();
  await khala.close();
});

const publish = (count: number): void => {
  for (let index = 0; index < count; index += 1) khala.publish('w', { event_type: 'worker.tick', payload: { index } });
};

const resume = async (after: number | undefined) => {
  const client = await connect(socketUrl(khala));
  await client.join();
  client.fresh();
  const reply = await client.subscribe({
    topics: [events],
    ...(after === undefined ? {} : { resume_after: { [events]: after } }),
  });
  return { client, reply, messages: client.fresh() };
};

describe('a stale cursor', () => {
  test('below the floor: three copies of one error, whatever the budget says', async () => {
    publish(30);
    khala.trim(events, 5);
    const { reply, messages } = await resume(3);
    const error = {
      code: 'stale_cursor',
      message: expect.any(String),
      full_resync_required: true,
      reason_codes: ['retention_floor_breach'],
      stale_topics: [
        {
          topic: events,
          reason: 'retention_floor_breach',
          qos_tier: 'hot',
          resume_after: 3,
          retention_floor: 25,
          head_watermark: 30,
          replay_lag: 27,
          replay_budget_events: 10,
        },
      ],
      snapshot_plan: {
        format: 'openagents.sync.snapshot.v1',
        topics: [{ topic: events, head_watermark: 30, snapshot: null }],
      },
    };
    expect(reply).toEqual({ status: 'error', response: error });
    expect(names(messages)).toEqual(['sync:error', 'sync:frame', 'phx_reply']);
    expect(messages[0]?.[4]).toEqual(error);
    const twin = messages[1]?.[4] as Record<string, unknown>;
    expect(twin).toMatchObject({ topic: events, seq: 0, kind: 'KHALA_FRAME_KIND_ERROR', schema_version: 1 });
    expect(JSON.parse(Buffer.from(String(twin.payload_bytes), 'base64').toString())).toEqual(error);
  });

  test('beyond the budget, with its edge', async () => {
    publish(11);
    expect((await resume(1)).reply.status).toBe('ok');
    const { reply } = await resume(0);
    expect(reply.response).toMatchObject({ code: 'stale_cursor', reason_codes: ['replay_budget_exceeded'] });
  });

  test('names the snapshot of a topic that has one', async () => {
    const topic = 'runtime.run_summaries';
    for (const _ of [1, 2, 3]) khala.publishUpdate(topic, { doc_key: 'k', doc_version: 1, payload: {} });
    khala.trim(topic, 1);
    const client = await connect(socketUrl(khala, { token: khala.token({ scopes: [topic] }) }));
    await client.join();
    const { response } = await client.subscribe({ topics: [topic], resume_after: { [topic]: 1 } });
    const snapshot = {
      topic,
      format: 'openagents.sync.snapshot.v1',
      schema_version: 1,
      cadence_seconds: 300,
      source_table: 'runtime.sync_run_summaries',
    };
    expect(response.snapshot_plan).toMatchObject({ topics: [{ topic, head_watermark: 3, snapshot }] });
  });

  test('is not told of without a position: the replay starts at the floor', async () => {
    publish(30);
    khala.trim(events, 12);
    const { reply, messages } = await resume(undefined);
    expect(reply.status).toBe('ok');
    expect(updatesOf(messages).map((update) => update.watermark)).toEqual(
      Array.from({ length: 12 }, (_, index) => index + 19),
    );
  });

  test('comes of age too, at the floor of the topic and not of others', async () => {
    publish(2);
    khala.publishUpdate('runtime.run_summaries', { doc_key: 'k', doc_version: 1, payload: {} });
    ports.advance(86_400_000 - 60_000);
    publish(2);
    expect((await resume(0)).reply.status).toBe('ok');
    ports.advance(120_000);
    // The tokens of the clients are made anew, so only the events have aged.
    expect((await resume(1)).reply.response).toMatchObject({ reason_codes: ['retention_floor_breach'] });
    expect((await resume(2)).reply.status).toBe('ok');
    ports.advance(86_400_000);
    expect((await resume(3)).reply.response).toMatchObject({ reason_codes: ['retention_floor_breach'] });
  });

  test('comes of a limit on the count', async () => {
    const small = await startKhala({ clock: ports.clock, scheduler: ports.scheduler, retainEvents: { [events]: 3 } });
    try {
      for (let index = 0; index < 8; index += 1) small.publish('w', { event_type: 'worker.a', payload: {} });
      ports.advance(60_000);
      const client = await connect(socketUrl(small));
      await client.join();
      const { response } = await client.subscribe({ topics: [events], resume_after: { [events]: 4 } });
      expect(response.stale_topics).toMatchObject([{ retention_floor: 5 }]);
    } finally {
      await small.close();
    }
  });
});

describe('heartbeats of the server', () => {
  test('come every 15 seconds, and silence of more than 60 ends the channel', async () => {
    const client = await follow(khala);
    ports.advance(14_999);
    ports.advance(1);
    await client.until('sync:heartbeat');
    ports.advance(45_000);
    await waitFor(() => client.messages.filter((message) => message[3] === 'sync:heartbeat').length === 4, {
      describe: 'four heartbeats',
    });
    expect(client.fresh().map((message) => message[4])).toEqual(
      Array.from({ length: 4 }, () => ({ watermarks: [{ topic: events, watermark: 0 }] })),
    );
    ports.advance(15_000);
    expect(await waitFor(() => client.closed(), { describe: 'the close' })).toBe(1000);
    expect(names(client.fresh())).toEqual(['phx_close']);
  });

  test('go on while the client sends its own', async () => {
    const client = await follow(khala);
    for (let round = 0; round < 6; round += 1) {
      ports.advance(20_000);
      client.send('1', `h${round}`, 'sync:v1', 'sync:heartbeat', {});
      await client.reply(`h${round}`);
    }
    expect(client.closed()).toBeUndefined();
    expect(names(client.messages)).not.toContain('phx_close');
  });
});

// Megabytes fill the buffers of the system here, which takes its time on a busy machine.
describe('a slow consumer', () => {
  const slowErrors = (messages: readonly (readonly unknown[])[]) =>
    messages.filter((message) => message[3] === 'sync:error').map((message) => message[4] as Record<string, unknown>);

  test('gets two warnings and is stopped at the third strike, by its own queue', async () => {
    const other = await startKhala({ queueLimit: 4, backpressureBytes: 100_000, twins: false });
    try {
      const slow = await follow(other);
      const quick = await follow(other);
      slow.ws.pause();
      const text = 'x'.repeat(400_000);
      let count = 0;
      await waitFor(
        async () => {
          other.publish('w', { event_type: 'worker.a', payload: { text } });
          count += 1;
          await waitFor(() => updatesOf(quick.messages).length === count, {
            describe: 'the quick one',
            timeoutMs: 20_000,
          });
          return count >= 20;
        },
        { describe: 'twenty events', timeoutMs: 20_000 },
      );
      slow.ws.resume();
      await slow.until('phx_error');
      const shared = { code: 'slow_consumer', topic: events, queue_depth: 4, queue_limit: 4, reconnect_after_ms: 2000 };
      expect(slowErrors(slow.messages)).toMatchObject([
        { ...shared, action: 'throttle', full_resync_required: false },
        { ...shared, action: 'throttle', full_resync_required: false },
        { ...shared, action: 'disconnect', full_resync_required: true },
      ]);
      expect(slowErrors(quick.messages)).toEqual([]);
    } finally {
      await other.close();
    }
  }, 30_000);

  test('that catches up in time loses nothing', async () => {
    const other = await startKhala({ queueLimit: 64, backpressureBytes: 100_000, twins: false });
    try {
      const slow = await follow(other);
      const quick = await follow(other);
      slow.ws.pause();
      const text = 'x'.repeat(400_000);
      for (let count = 1; count <= 30; count += 1) {
        other.publish('w', { event_type: 'worker.a', payload: { text } });
        await waitFor(() => updatesOf(quick.messages).length === count, {
          describe: 'the quick one',
          timeoutMs: 20_000,
        });
      }
      slow.ws.resume();
      await waitFor(() => updatesOf(slow.messages).length === 30, {
        describe: 'the slow one',
        timeoutMs: 20_000,
      });
      expect(updatesOf(slow.messages).map((update) => update.watermark)).toEqual(
        Array.from({ length: 30 }, (_, index) => index + 1),
      );
      expect(slowErrors(slow.messages)).toEqual([]);
    } finally {
      await other.close();
    }
  }, 30_000);

  test('can be asked for', async () => {
    const client = await follow(khala);
    khala.faults.inject({ fault: 'slow_consumer', action: 'throttle' });
    await client.until('sync:error');
    publish(1);
    await client.until('sync:update_batch');
    khala.faults.inject({ fault: 'slow_consumer', action: 'disconnect', topic: events });
    await client.until('phx_error');
    expect(names(client.fresh())).toEqual([
      'sync:error',
      'sync:frame',
      'sync:update_batch',
      'sync:frame',
      'sync:error',
      'sync:frame',
      'phx_error',
    ]);
    expect(slowErrors(client.messages)).toMatchObject([
      { action: 'throttle', queue_limit: 64 },
      { action: 'disconnect', queue_limit: 64 },
    ]);
  });
});
