import type { FakeConnection } from '@autopilot/testing/fake-host';
import { describe, expect, test } from '@jest/globals';
import { Harness, upTo } from './support/harness.ts';

/** A session with a durable stream `s` on its confirmed connection and a fast one `f` on the unconfirmed one. */
async function both(options: ConstructorParameters<typeof Harness>[0] = {}): Promise<Harness> {
  const h = new Harness(options);
  h.host.stream('s');
  h.host.stream('f');
  h.session.follow('s', null);
  h.session.follow('f', null, { readMode: 'unconfirmed' });
  h.session.start();
  await h.live();
  return h;
}

const confirmed = (h: Harness) => h.host.upgrades.map(({ url }) => new URL(url).searchParams.get('confirmed'));
const watching = (h: Harness, stream: string): FakeConnection => {
  const found = h.host.open.find(({ watches }) => watches.has(stream));
  if (found === undefined) throw new Error(`nobody watches ${stream}`);
  return found;
};

describe('one confirmed and one unconfirmed connection', () => {
  test('I25: many streams share two connections, each the one of its read mode, and one token', async () => {
    const h = await both();
    for (let n = 1; n <= 20; n += 1) {
      h.host.stream(`s${n}`);
      h.host.append(`s${n}`, n);
      h.session.follow(`s${n}`, null, { readMode: n % 2 === 0 ? 'confirmed' : 'unconfirmed' });
    }
    for (let n = 1; n <= 20; n += 1) await h.received(`s${n}`, n);
    await h.live();
    expect(confirmed(h)).toEqual(['true', 'false']);
    expect(h.asked).toEqual(['start']);
    expect(watching(h, 's').watches.size).toBe(11);
    expect(watching(h, 'f').watches.size).toBe(11);
    expect(h.session.status()).toMatchObject({
      read_mode: 'confirmed',
      connections: [
        { read_mode: 'confirmed', state: 'live', attempt: 1 },
        { read_mode: 'unconfirmed', state: 'live', attempt: 1 },
      ],
      streams: { s: { read_mode: 'confirmed' }, f: { read_mode: 'unconfirmed' } },
    });
    await h.close();
  });

  test('I25: the second connection is made when it is first used, and goes when nothing uses it any more', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.host.stream('f');
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    await h.sim.advance(60_000);
    expect(confirmed(h)).toEqual(['true']);
    const path = h.path.length;
    h.session.follow('f', null, { readMode: 'unconfirmed' });
    await h.sim.until(() => h.session.status().streams.f?.phase === 'live');
    h.session.unfollow('f');
    // Streams come and go: it waits a little before it goes.
    await h.sim.advance(3000);
    h.session.follow('f', null, { readMode: 'unconfirmed' });
    await h.sim.until(() => h.session.status().streams.f?.phase === 'live');
    await h.sim.advance(10_000);
    expect(confirmed(h)).toEqual(['true', 'false']);
    h.session.unfollow('f');
    await h.sim.advance(6000);
    expect(h.host.open).toHaveLength(1);
    expect(h.session.status().connections).toHaveLength(1);
    h.session.follow('f', null, { readMode: 'unconfirmed' });
    h.host.append('f', 2);
    await h.received('f', 2);
    expect(confirmed(h)).toEqual(['true', 'false', 'false']);
    // Nothing of this was seen by whoever reads the other stream.
    expect(h.path).toHaveLength(path);
    expect(h.session.state).toBe('live');
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I25: the loss of the one does not disturb the other, and live takes both', async () => {
    const h = await both();
    h.host.refuse = (request) => (request.url.includes('confirmed=false') ? { status: 503 } : undefined);
    const kept = watching(h, 's');
    watching(h, 'f').cut();
    await h.state('replaying');
    for (let n = 1; n <= 50; n += 1) {
      h.host.append('s');
      h.host.append('f');
      await h.sim.advance(50);
    }
    expect(h.seqs('s')).toEqual(upTo(50));
    expect(h.seqs('f')).toEqual([]);
    expect(h.session.state).toBe('replaying');
    expect(h.session.status().connections[1]).toMatchObject({ last_close: { code: 'server_error' } });
    h.host.refuse = undefined;
    await h.live();
    expect(h.seqs('f')).toEqual(upTo(50));
    expect(watching(h, 's')).toBe(kept);
    expect(h.path.slice(-2)).toEqual(['replaying:behind', 'live:caught_up']);

    // And the other way round.
    const other = watching(h, 'f');
    h.host.refuse = (request) => (request.url.includes('confirmed=true') ? { status: 503 } : undefined);
    watching(h, 's').cut();
    await h.state('backoff');
    for (let n = 1; n <= 50; n += 1) {
      h.host.append('s');
      h.host.append('f');
      await h.sim.advance(50);
    }
    expect(h.seqs('f')).toEqual(upTo(100));
    h.host.refuse = undefined;
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(100));
    expect(watching(h, 'f')).toBe(other);
    expect(h.session.status().counters.illegal_transitions).toBe(0);
    await h.close();
  });

  test('I25: a refusal of the second connection is told, and only the owner leads out of it', async () => {
    const h = new Harness();
    h.host.stream('s');
    h.host.stream('f');
    h.host.refuse = (request) =>
      request.url.includes('confirmed=false') ? { status: 403, body: 'one is enough' } : undefined;
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    h.session.follow('f', null, { readMode: 'unconfirmed' });
    await h.state('replaying');
    h.host.append('s', 3);
    await h.received('s', 3);
    await h.sim.advance(120_000);
    expect(h.host.upgrades).toHaveLength(2);
    expect(h.session.status()).toMatchObject({
      state: 'replaying',
      last_close: undefined,
      connections: [{ state: 'replaying' }, { state: 'needs-auth', last_close: { code: 'forbidden' } }],
      streams: { f: { phase: 'waiting' } },
    });
    h.host.refuse = undefined;
    h.session.retryNow();
    await h.live();
    h.host.append('f', 3);
    await h.received('f', 3);
    await h.close();
  });

  test('I25: a session without what the other connection was needed for is live again', async () => {
    const h = await both();
    h.host.refuse = (request) => (request.url.includes('confirmed=false') ? { status: 503 } : undefined);
    watching(h, 'f').cut();
    await h.state('replaying');
    h.session.unfollow('f');
    expect(h.session.state).toBe('live');
    await h.close();
    expect(h.sim.timers).toBe(0);
  });

  test('I25: calls go over the main connection only, whichever read mode that has', async () => {
    for (const readMode of ['confirmed', 'unconfirmed'] as const) {
      const h = new Harness({ readMode });
      const other = readMode === 'confirmed' ? 'unconfirmed' : 'confirmed';
      h.host.stream('f');
      h.session.follow('f', null, { readMode: other });
      const seen = new Set<bigint>();
      h.host.intercept = (connection, message) => {
        if (message.type === 'reducer' && message.name === 'heartbeat') seen.add(connection.number);
        return false;
      };
      h.session.start();
      await h.live();
      let done = 0;
      for (let n = 0; n < 5; n += 1) void h.session.heartbeat('x').then(() => (done += 1));
      await h.sim.until(() => done === 5);
      expect([...seen]).toEqual([1n]);
      expect(confirmed(h)).toEqual(readMode === 'confirmed' ? ['true', 'false'] : ['false', 'true']);
      await h.close();
    }
  });

  test('I25: a signal that may be lost is told once, over the connection of its stream', async () => {
    const h = await both();
    const told = () => h.of('transient').map(({ stream_id, payload }) => `${stream_id} ${payload}`);
    h.host.signal('s', '1');
    h.host.signal('f', '2');
    h.host.signal('not-followed', '3');
    await h.sim.advance(100);
    expect(told().sort()).toEqual(['f 2', 'not-followed 3', 's 1']);
    watching(h, 's').frozen = true;
    h.host.signal('f', '4');
    await h.sim.advance(100);
    expect(told()).toContain('f 4');
    await h.close();
  });

  test('I25: a notice comes over both, and ends a stream once, also when that is followed again at once', async () => {
    const h = await both();
    // The confirmed connection says everything later: it waits for the disk.
    const slow = watching(h, 's');
    const send = slow.send.bind(slow);
    slow.send = (...messages) => void h.sim.after(500, () => send(...messages));
    h.session.listen((signal) => {
      if (signal.type === 'stream-closed' && signal.stream_id === 'f') h.session.follow('f', null);
    });
    h.host.append('f', 3);
    await h.received('f', 3);
    h.host.notice('f', 'retired');
    await h.sim.until(() => h.of('stream-closed').length === 1);
    await h.sim.advance(5000);
    h.host.append('f', 3);
    await h.received('f', 9);
    expect(h.of('stream-closed')).toHaveLength(1);
    // Followed again without a mode, it keeps the one it had.
    expect(h.session.status().streams.f).toMatchObject({ read_mode: 'unconfirmed', phase: 'live' });
    await h.close();
  });

  test('I25: what was read unconfirmed and did not last is told as another history', async () => {
    const h = await both();
    h.host.append('f', 5);
    await h.received('f', 5);
    // The host crashes before the last two were on its disk.
    h.host.streams.get('f')?.events.splice(3);
    for (const connection of h.host.open) connection.cut();
    await h.sim.until(() => h.of('stale').length === 1);
    expect(h.of('stale')[0]).toMatchObject({ stream_id: 'f', reason: 'epoch_changed', head: 3n });
    h.session.rewind('f', { epoch: 'epoch-1', seq: 3n });
    h.host.append('f', 1);
    await h.received('f', 6);
    await h.live();
    expect(h.seqs('f')).toEqual([...upTo(5), 4]);
    await h.close();
  });

  test('I25: subscriptions choose their connection too', async () => {
    const h = new Harness();
    const row = new Uint8Array([7]);
    h.host.tables.set('SELECT * FROM t', [{ table: 't', rows: [row] }]);
    const sources: string[] = [];
    const subscription = h.session.subscribe(
      ['SELECT * FROM t'],
      { batch: ({ source }) => sources.push(source) },
      undefined,
      { readMode: 'unconfirmed' },
    );
    h.session.start();
    await h.sim.until(() => subscription.state === 'applied');
    expect(confirmed(h)).toEqual(['true', 'false']);
    const holds = h.host.open.filter(({ sets }) => [...sets.values()].flat().includes('SELECT * FROM t'));
    expect(holds.map(({ number }) => number)).toEqual([2n]);
    expect(h.session.rows('t')).toEqual([row]);
    holds[0]?.cut();
    await h.sim.until(() => sources.includes('resync'));
    // The next one comes before the connection has gone.
    subscription.end();
    await h.sim.advance(3000);
    const next = h.session.subscribe(['SELECT * FROM t'], { batch: () => {} }, undefined, { readMode: 'unconfirmed' });
    await h.sim.advance(10_000);
    expect(h.session.status().connections).toHaveLength(2);
    expect(confirmed(h)).toEqual(['true', 'false', 'false']);
    next.end();
    await h.sim.advance(6000);
    expect(h.host.open).toHaveLength(1);
    await h.close();
  });

  test('I13: closing ends both, whatever they are doing, and one that is on its way out', async () => {
    const h = await both();
    h.host.refuse = () => ({ status: 503 });
    watching(h, 'f').cut();
    await h.sim.until(() => h.session.status().connections[1]?.state === 'backoff');
    await h.close();
    expect(h.host.open).toEqual([]);
    expect(h.sim.timers).toBe(0);

    const leaving = await both();
    leaving.session.unfollow('f');
    leaving.host.latency = () => 100;
    await leaving.sim.advance(5000);
    await leaving.close();
    expect(leaving.host.open).toEqual([]);
    expect(leaving.sim.timers).toBe(0);
    expect(leaving.path.at(-1)).toBe('closed:drained');
  });

  test('I21: hints reach both', async () => {
    const h = await both({ headPollMs: 10_000_000 });
    for (const connection of h.host.open) connection.frozen = true;
    h.session.hint('offline');
    await h.sim.advance(5500);
    await h.live();
    expect(h.session.status().counters.closes).toEqual({ silent: 2 });
    await h.close();
  });
});
