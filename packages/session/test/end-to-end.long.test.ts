import { draftEvent } from '@autopilot/sync-contract';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodePresence, type Fanout, type Presence, type ReadMode, reducers, viewQueries } from '../src/index.ts';
import { decodePublicRow } from '../src/module/public-rows.ts';
import { BsatnReader } from '../src/wire/bsatn-reader.ts';
import { chainOf } from './support/chain.ts';
import { type Client, Embedded, until } from './support/embedded.ts';
import { upTo } from './support/harness.ts';
import { TestIssuer } from './support/issuer.ts';

let world: Embedded;
let publisher: Client;
let streams = 0;

beforeAll(async () => {
  world = await Embedded.start();
  publisher = world.client('publisher');
  publisher.session.start();
});
afterAll(async () => {
  await world.close();
});

const draft = (stream_id: string, n: number) =>
  draftEvent({ stream_id, kind: 'tick', payload: { n }, idempotency_key: `key-${n}` });

async function newStream(reader: Client, fanout: Fanout = 'inbox'): Promise<string> {
  streams += 1;
  const id = `runtime.test.${streams}`;
  await publisher.session.createStream(id, 'test', fanout);
  await publisher.session.grantStream(reader.identity, id, 'reader');
  return id;
}

const append = (stream: string, from: number, to: number) =>
  Promise.all(upTo(to, from).map((n) => publisher.session.appendSyncEvent(draft(stream, n))));
const seqs = (client: Client, stream: string) => client.events(stream).map(({ seq }) => Number(seq));

describe('over a real socket, against the module in the embedded host', () => {
  test('500 events are appended while all connections are cut again and again: each is handed over once, in order', async () => {
    const reader = world.client('reader-1', { pageSize: 50, headPollMs: 100 });
    const stream = await newStream(reader);
    reader.session.follow(stream, null);
    reader.session.start();
    const receipts = append(stream, 1, 500);
    let cuts = 0;
    for (let goal = 40; goal <= 480; goal += 40) {
      await until(() => reader.events(stream).length >= goal, `${goal} events`);
      cuts += world.host.faults.dropConnections() > 0 ? 1 : 0;
    }
    expect(cuts).toBeGreaterThanOrEqual(5);
    const seen = await receipts;
    await until(() => reader.events(stream).length >= 500 && reader.session.state === 'live');
    expect(seqs(reader, stream)).toEqual(upTo(500));
    expect(seen.map(({ seq }) => Number(seq))).toEqual(upTo(500));
    expect(reader.events(stream).map(({ payload }) => payload)).toEqual(upTo(500).map((n) => `{"n":${n}}`));
    const head = () => reader.signals.findLast((signal) => signal.type === 'head' && signal.head === 500n);
    await until(() => head() !== undefined);
    expect(head()).toMatchObject({ head_chain: chainOf(stream, reader.events(stream)) });
    const { counters } = reader.session.status();
    expect(counters).toMatchObject({ illegal_transitions: 0, listener_errors: 0 });
    expect(counters.attempts).toBeGreaterThan(3);
    await reader.session.close();
  }, 20_000);

  test('I9: tokens are replaced by a second connection without a gap, while events flow', async () => {
    const reader = world.client('reader-2', { refreshInMs: 0, drainMs: 100 });
    const stream = await newStream(reader);
    reader.session.follow(stream, null);
    reader.session.start();
    await until(() => reader.session.state === 'live');
    let n = 0;
    while (reader.session.status().counters.refreshes < 1) {
      n += 1;
      await publisher.session.appendSyncEvent(draft(stream, n));
    }
    await append(stream, n + 1, n + 20);
    await until(() => reader.events(stream).length >= n + 20);
    expect(seqs(reader, stream)).toEqual(upTo(n + 20));
    expect(reader.session.status()).toMatchObject({ state: 'live', attempt: 1, counters: { attempts: 1, closes: {} } });
    expect(reader.signals.filter((signal) => signal.type === 'state')).toHaveLength(5);
    await reader.session.close();
  });

  const sources: [Fanout, ReadMode][] = [
    ['inbox', 'unconfirmed'],
    ['doorbell', 'confirmed'],
    ['doorbell', 'unconfirmed'],
    ['public', 'confirmed'],
    ['public', 'unconfirmed'],
  ];
  test.each(sources)(
    'S7: %s streams are read over an %s connection beside the main one, also over cuts',
    async (fanout, readMode) => {
      const main = readMode === 'confirmed' ? 'unconfirmed' : 'confirmed';
      const reader = world.client(`reader-${fanout}-${readMode}`, { headPollMs: 200, readMode: main });
      const stream = await newStream(reader, fanout);
      const beside = await newStream(reader);
      await append(stream, 1, 250);
      reader.session.follow(stream, null, { readMode });
      reader.session.follow(beside, null);
      reader.session.start();
      await until(() => reader.session.state === 'live' && reader.events(stream).length === 250);
      const before = reader.session.status();
      expect(before.streams[stream]).toMatchObject({ source: fanout, read_mode: readMode, phase: 'live' });
      await Promise.all([append(stream, 251, 280), append(beside, 1, 10)]);
      await until(() => reader.events(stream).length >= 280 && reader.events(beside).length >= 10);
      const { live_events } = reader.session.status().counters;
      // A doorbell brings no events; the others bring each one, and nothing had to be repaired.
      expect(live_events - before.counters.live_events).toBe(fanout === 'doorbell' ? 10 : 40);
      expect(reader.session.status().counters).toMatchObject({ gaps: 0, head_repairs: 0, closes: {} });
      world.host.faults.dropConnections();
      await Promise.all([append(stream, 281, 310), append(beside, 11, 20)]);
      await until(() => reader.events(stream).length >= 310 && reader.events(beside).length >= 20);
      expect(seqs(reader, stream)).toEqual(upTo(310));
      expect(seqs(reader, beside)).toEqual(upTo(20));
      await reader.session.close();
    },
  );

  test('nothing of a stream that is not public comes by SQL, not even to who may read it', async () => {
    const reader = world.client('reader-sql');
    const [open, closed] = [await newStream(reader, 'public'), await newStream(reader, 'inbox')];
    await append(open, 1, 5);
    await append(closed, 1, 5);
    const stranger = world.client('stranger-sql', { scope: 'sync.subscribe' });
    stranger.session.start();
    const rows = stranger.session.subscribe(['SELECT * FROM public_event'], { batch: () => {} });
    await until(() => rows.state === 'applied');
    const bsatn = new BsatnReader();
    const streams = new Set(rows.rows('public_event').map((row) => decodePublicRow(bsatn.begin(row)).event.stream_id));
    expect(streams.has(open)).toBe(true);
    expect(streams.has(closed)).toBe(false);
    stranger.session.follow(open, null);
    await until(() => stranger.signals.some((signal) => signal.type === 'stream-closed'));
    await stranger.session.close();
  });

  test.each(['gzip', 'brotli'] as const)('I22: %s frames among plain ones keep their order', async (compression) => {
    const reader = world.client(`reader-${compression}`, { compression, headPollMs: 10_000 });
    const stream = await newStream(reader);
    await append(stream, 1, 100);
    reader.session.follow(stream, null);
    reader.session.start();
    await until(() => reader.session.state === 'live');
    // Below and above what the host packs, as it batches them.
    await append(stream, 101, 140);
    await until(() => reader.events(stream).length >= 140);
    expect(seqs(reader, stream)).toEqual(upTo(140));
    const { counters } = reader.session.status();
    expect(counters).toMatchObject({ gaps: 0, closes: {} });
    // Some 25 KB when nobody packs them.
    expect(counters.bytes_in).toBeLessThan(15_000);
    await reader.session.close();
  });

  test('a revoked grant closes its stream and leaves the other one alone', async () => {
    const reader = world.client('reader-4', { followGranted: true });
    const [kept, lost] = [await newStream(reader), await newStream(reader)];
    reader.session.onGrants(({ added }) => {
      for (const { stream_id } of added) reader.session.follow(stream_id, null);
    });
    reader.session.start();
    await until(() => reader.session.state === 'live' && Object.keys(reader.session.status().streams).length === 2);
    await append(lost, 1, 5);
    await until(() => reader.events(lost).length === 5);
    await publisher.session.revokeStream(reader.identity, lost);
    await until(() => reader.signals.some((signal) => signal.type === 'stream-closed'));
    expect(reader.signals.find((signal) => signal.type === 'stream-closed')).toMatchObject({
      stream_id: lost,
      code: 'forbidden',
    });
    await append(lost, 6, 10);
    await append(kept, 1, 10);
    await until(() => reader.events(kept).length === 10);
    expect(seqs(reader, lost)).toEqual(upTo(5));
    await until(() => reader.session.grants.length === 1);
    expect(reader.session.state).toBe('live');
    // Asked for again without a grant: the same answer from the page.
    reader.session.follow(lost, null);
    await until(() => reader.signals.filter((signal) => signal.type === 'stream-closed').length === 2);
    await reader.session.close();
  });

  test('a stream that is retired and made again is read again, in its new epoch', async () => {
    const reader = world.client('reader-6', { followGranted: true });
    const stream = await newStream(reader);
    reader.session.follow(stream, null);
    reader.session.start();
    await append(stream, 1, 5);
    await until(() => reader.events(stream).length === 5);
    const last = reader.events(stream).at(-1);
    const { reducer, args } = reducers.retireStream(stream);
    await publisher.session.call(reducer, args);
    const closed = () => reader.signals.filter((signal) => signal.type === 'stream-closed');
    await until(() => closed().length === 1);
    expect(closed()).toMatchObject([{ stream_id: stream, code: 'unknown_stream' }]);
    const position = { epoch: last?.epoch ?? '', seq: last?.seq ?? 0n };
    // Not there yet: the same answer again, without leaving live.
    reader.session.follow(stream, position);
    await until(() => closed().length === 2);
    await append(stream, 11, 13);
    expect(reader.session.grants).toHaveLength(1);
    reader.session.follow(stream, position);
    const stale = () => reader.signals.find((signal) => signal.type === 'stale');
    await until(() => stale() !== undefined);
    expect(stale()).toMatchObject({ reason: 'epoch_changed', floor: { seq: 0n }, head: 3n });
    reader.session.rewind(stream, null);
    await until(() => reader.events(stream).length === 8 && reader.session.state === 'live');
    expect(seqs(reader, stream)).toEqual([...upTo(5), ...upTo(3)]);
    expect(reader.events(stream).at(-1)?.epoch).not.toBe(position.epoch);
    await append(stream, 14, 14);
    await until(() => reader.events(stream).length === 9);
    await reader.session.close();
  });

  test('a stream begins in the epoch that was named, and keeps it', async () => {
    const id = 'runtime.test.planned';
    await publisher.session.createStream(id, 'test', 'inbox', { epoch: 'planned-1' });
    await publisher.session.createStream(id, 'test', 'inbox', { epoch: 'planned-2' });
    expect(await publisher.session.appendSyncEvent(draft(id, 1))).toMatchObject({ epoch: 'planned-1', seq: 1n });
    const named = publisher.session.createStream('runtime.test.long', 'test', 'inbox', { epoch: 'x'.repeat(513) });
    await expect(named).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('I14: one stream flooding does not hold up another', async () => {
    const reader = world.client('reader-5', { pageSize: 20 });
    const [busy, quiet] = [await newStream(reader), await newStream(reader)];
    await append(busy, 1, 200);
    reader.session.follow(busy, null);
    reader.session.follow(quiet, null);
    reader.session.start();
    const flood = append(busy, 201, 400);
    await append(quiet, 1, 10);
    await flood;
    await until(() => reader.events(busy).length >= 400 && reader.events(quiet).length >= 10);
    expect(seqs(reader, busy)).toEqual(upTo(400));
    expect(seqs(reader, quiet)).toEqual(upTo(10));
    await reader.session.close();
  });

  test('payloads too large for the inbox come by pages, in their place', async () => {
    const reader = world.client('reader-6');
    const stream = await newStream(reader);
    reader.session.follow(stream, null);
    reader.session.start();
    await until(() => reader.session.state === 'live');
    const large = (n: number) =>
      draftEvent({ stream_id: stream, kind: 'blob', payload: 'x'.repeat(5000 * (n % 2)), idempotency_key: `b${n}` });
    await Promise.all(upTo(20).map((n) => publisher.session.appendSyncEvent(large(n))));
    await until(() => reader.events(stream).length >= 20);
    expect(reader.events(stream).map(({ payload }) => payload.length)).toEqual(upTo(20).map((n) => 5000 * (n % 2) + 2));
    await reader.session.close();
  });

  test('retention and a retired stream are told with floor and epoch', async () => {
    const reader = world.client('reader-7');
    const stream = await newStream(reader);
    await append(stream, 1, 20);
    const { reducer, args } = reducers.applyRetention(stream, 11n);
    await publisher.session.call(reducer, args);
    reader.session.follow(stream, null);
    reader.session.start();
    await until(() => reader.signals.some((signal) => signal.type === 'stale'));
    const stale = reader.signals.find((signal) => signal.type === 'stale');
    if (stale?.type !== 'stale') throw new Error('unreachable');
    expect(stale).toMatchObject({ reason: 'retention_floor_breach', floor: { seq: 10n }, head: 20n });
    reader.session.rewind(stream, stale.floor);
    await until(() => reader.events(stream).length === 10);
    expect(seqs(reader, stream)).toEqual(upTo(20, 11));
    await reader.session.close();
  });

  test('checkpoints and presence go up, and presence comes down as rows', async () => {
    const reader = world.client('reader-8');
    const stream = await newStream(reader);
    reader.session.start();
    const seen: Presence[] = [];
    const presence = reader.session.subscribe<Presence>(
      [viewQueries.streamPresence],
      { batch: ({ changes }) => seen.push(...changes.flatMap(({ inserts }) => [...inserts])) },
      (_table, row) => decodePresence(row.readRest()),
    );
    const [receipt] = await append(stream, 1, 1);
    const { epoch, seq } = receipt ?? { epoch: '', seq: 0n };
    reader.session.follow(stream, null);
    await until(() => reader.events(stream).length === 1);
    const chain = chainOf(stream, reader.events(stream));
    await reader.session.ackCheckpoint({ stream_id: stream, epoch, seq, chain });
    await expect(reader.session.ackCheckpoint({ stream_id: stream, epoch, seq: 0n, chain })).rejects.toMatchObject({
      name: 'SyncError',
    });
    const entry = { session_id: 'one', stream_id: stream, status: 'here', detail: '{}', ttl_seconds: 60 };
    await reader.session.upsertPresence(entry);
    await until(() => seen.length > 0);
    expect(seen[0]).toMatchObject({ session_id: 'one', stream_id: stream, identity: reader.identity, status: 'here' });
    await reader.session.heartbeat('one');
    expect(presence.state).toBe('applied');
    await reader.session.close();
  });

  test('a restart of the module in use is a reconnect, confirmed reads or not', async () => {
    const reader = world.client('reader-9', { readMode: 'confirmed' });
    const stream = await newStream(reader);
    reader.session.follow(stream, null);
    reader.session.start();
    await until(() => reader.session.state === 'live');
    world.host.faults.closeConnections(1001);
    await until(() => reader.session.status().counters.closes.module_replaced === 1);
    await append(stream, 1, 5);
    await until(() => reader.events(stream).length === 5);
    await reader.session.close();
  });

  test('I6: who may not come in is told why, and does not knock for ever', async () => {
    const forged = world.client('nobody', { raw: world.issuer.token('nobody', 'sync.subscribe').slice(0, -6) });
    forged.session.start();
    await until(() => forged.session.state === 'needs-auth');
    expect(forged.session.status().last_close?.code).toBe('unauthorized');
    const foreign = world.client('stranger', { raw: new TestIssuer().token('stranger', 'sync.subscribe') });
    foreign.session.start();
    await until(() => foreign.session.state === 'needs-auth');
    const gone = world.client('lost');
    gone.session.start();
    await until(() => gone.session.state === 'live');
    expect(gone.session.status().protocol).toBe('v3.bsatn.spacetimedb');
    await Promise.all([forged, foreign, gone].map(({ session }) => session.close()));
  });

  test('I6: a token for another audience is refused by the module, and its words arrive', async () => {
    // The module refuses in client_connected: a dropped socket, told over HTTP.
    const reader = world.client('elsewhere', { raw: world.issuer.token('elsewhere', 'sync.subscribe', 'other') });
    reader.session.start();
    await until(() => reader.session.status().last_close !== undefined && reader.session.state !== 'backoff');
    await until(() => ['needs-auth', 'failed'].includes(reader.session.state));
    expect(reader.session.status().last_close?.message).toMatch(/^The module refused the connection: unauthorized: /);
    await reader.session.close();
  });

  test('I13: closed sessions leave no connection behind', async () => {
    const reader = world.client('reader-10', { followGranted: true, refreshInMs: 0 });
    const stream = await newStream(reader);
    reader.session.follow(stream, null);
    reader.session.start();
    await until(() => reader.session.state === 'live');
    expect(world.host.connections).toBeGreaterThanOrEqual(2);
    await world.closeClients();
    await until(() => world.host.connections === 0);
  });
});
