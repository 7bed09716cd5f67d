import { systemHttp } from '@autopilot/sync-contract/system-ports';
import { type KhalaServer, startKhala, waitFor } from '@autopilot/testing';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createKhalaReader,
  decodeFanoutMessage,
  decodePollResponse,
  type KhalaReader,
  type KhalaReaderOptions,
  type KhalaReaderSignal,
  workerEventsTopic as topic,
} from '../src/index.ts';
import { CountedPorts } from './support/counted-ports.ts';
import { upTo } from './support/khala-world.ts';

let khala: KhalaServer;
let counted: CountedPorts;
const readers: KhalaReader[] = [];

const start = async (options: Parameters<typeof startKhala>[0] = {}): Promise<void> => {
  const { clock, scheduler } = new CountedPorts(10).ports;
  khala = await startKhala({ clock, scheduler, ...options });
};
beforeEach(async () => {
  // Khala's guards are made of hundreds of milliseconds: both ends live ten times as fast.
  counted = new CountedPorts(10);
  await start();
});
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await khala.close();
  expect(counted.leftovers()).toEqual([]);
});

function read(dialect: 'B' | 'C', options: Partial<KhalaReaderOptions> = {}) {
  const reader = createKhalaReader({
    dialect,
    ports: counted.ports,
    http: systemHttp,
    socket: counted.socket,
    url: khala.url,
    topic,
    token: () => khala.token({ shape: 'sync' }),
    after: 0n,
    pollMs: 260,
    backoff: { floorMs: 10, baseMs: 10, capMs: 40 },
    ...options,
  });
  readers.push(reader);
  const signals: KhalaReaderSignal[] = [];
  reader.listen((signal) => signals.push(signal));
  const of = (type: KhalaReaderSignal['type']) => signals.filter((signal) => signal.type === type);
  const seqs = () =>
    signals.flatMap((signal) => (signal.type === 'messages' ? signal.messages.map((one) => Number(one.sequence)) : []));
  const until = (condition: () => boolean, describe: string) => waitFor(condition, { describe, timeoutMs: 4500 });
  reader.start();
  return { reader, signals, of, seqs, until };
}

const publish = (count: number): void => {
  for (let n = 0; n < count; n += 1) khala.publish('w1', { event_type: 'worker.tick', payload: { n } });
};

describe.each(['B', 'C'] as const)('a reader of dialect %s', (dialect) => {
  test('K40 reads from a cursor, then what comes', async () => {
    publish(10);
    const { reader, seqs, until } = read(dialect, { after: 4n });
    await until(() => seqs().length === 6, 'the replay');
    publish(3);
    await until(() => seqs().length === 9, 'the news');
    expect([seqs(), reader.cursor]).toEqual([upTo(13, 5), 13n]);
  });

  test('K41 a stale cursor is told with what is kept, and it waits for the rewind', async () => {
    publish(10);
    khala.trim(topic, 4);
    const { reader, of, seqs, until } = read(dialect, { after: 2n });
    await until(() => of('stale').length === 1, 'a stale signal');
    const [signal] = of('stale');
    expect(signal).toMatchObject({ stale: { oldest_available_cursor: 6n, head_cursor: 10n } });
    expect(signal).toMatchObject({ stale: { reason_codes: ['retention_floor_breach'] } });
    expect(counted.leftovers().filter((name) => name === 'timer')).toEqual([]);
    reader.rewind(6n);
    await until(() => seqs().length === 4, 'the rest');
    expect(seqs()).toEqual([7, 8, 9, 10]);
  });

  test('K43 a refused token is told, and it waits', async () => {
    const { of, until } = read(dialect, { token: () => 'x.y.z' });
    await until(() => of('refused').length === 1, 'the refusal');
    expect(of('refused')).toMatchObject([{ code: 'unauthorized' }]);
    expect(counted.leftovers().filter((name) => name === 'timer')).toEqual([]);
  });
});

describe('dialect B', () => {
  test('K42 after a cut and after an eviction it goes on without loss or repetition', async () => {
    publish(5);
    const { seqs, of, until } = read('B');
    await until(() => seqs().length === 5, 'five messages');
    khala.faults.inject({ fault: 'tcp_close' });
    publish(3);
    await until(() => seqs().length === 8, 'eight messages');
    khala.faults.inject({ fault: 'slow_consumer', action: 'disconnect' });
    publish(2);
    await until(() => seqs().length === 10, 'ten messages');
    expect([seqs(), of('evicted').length]).toEqual([upTo(10), 1]);
  });
});

describe('dialect C', () => {
  test('K42 polling too soon waits as long as khala says', async () => {
    publish(250);
    const now = counted.ports.clock.monotonic();
    const { seqs, of, until } = read('C', { limit: 100 });
    await until(() => seqs().length === 250, '250 messages');
    // Three pages with at least the guard between them.
    expect(counted.ports.clock.monotonic() - now).toBeGreaterThanOrEqual(495);
    expect([seqs(), of('refused')]).toEqual([upTo(250), []]);
    const second = read('C', { after: 250n });
    publish(1);
    await second.until(() => second.seqs().length === 1, 'the news, although the guard of the first one was on');
  });

  test('K42 an eviction is told, and it goes on from its cursor', async () => {
    publish(900);
    const { seqs, of, until } = read('C', { limit: 1 });
    await until(() => of('evicted').length === 1, 'the eviction');
    expect(seqs()).toEqual([1, 2]);
    await until(() => seqs().length >= 3, 'the next message');
    expect(seqs().slice(0, 3)).toEqual([1, 2, 3]);
  });
});

describe('the decoders of the fan-out', () => {
  test('K44 nothing makes them throw', () => {
    const text = fc.oneof(
      fc.string(),
      fc.jsonValue().map((value) => JSON.stringify(value)),
      fc
        .tuple(fc.constantFrom('hello', 'message', 'stale_cursor', 'error'), fc.dictionary(fc.string(), fc.jsonValue()))
        .map(([type, rest]) => JSON.stringify({ ...rest, type })),
      fc.jsonValue().map((error) => JSON.stringify({ error })),
    );
    fc.assert(
      fc.property(text, (one) => {
        expect(typeof decodeFanoutMessage(one).type).toBe('string');
        expect(typeof decodePollResponse(one).type).toBe('string');
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['{}', 'missing_field', '/type'],
    ['{"type":"surprise"}', 'unknown_kind', '/type'],
    ['{"type":"message","message":{}}', 'missing_field', '/message/topic'],
    ['[]', 'not_json', ''],
  ])('K44 %s', (text, code, path) => {
    expect(decodeFanoutMessage(text)).toMatchObject({ type: 'undecodable', code, path });
  });

  test('K44 bodies that refuse', () => {
    const of = (error: object) => decodePollResponse(JSON.stringify({ error }));
    expect(of({ code: 'poll_interval_guard', retry_after_ms: 120 })).toEqual({ type: 'too_soon', retry_after_ms: 120 });
    expect(of({ code: 'poll_interval_guard' })).toMatchObject({ code: 'missing_field', path: '/error/retry_after_ms' });
    expect(of({ code: 'slow_consumer_evicted' })).toEqual({ type: 'evicted' });
    expect(of({ code: 'x', reason_code: 'y' })).toEqual({ type: 'refused', code: 'x', reason_code: 'y' });
  });

  test.each([
    { limit: 0 },
    { limit: 201 },
    { pollMs: 249 },
    { pollMs: Number.NaN },
    { after: -1n },
    { backoff: { floorMs: 10, baseMs: 0, capMs: 40 } },
  ])('K44 options that khala would refuse are refused: %p', (options) => {
    expect(() => read('C', options)).toThrow(expect.objectContaining({ code: 'invalid_options' }));
  });
});
