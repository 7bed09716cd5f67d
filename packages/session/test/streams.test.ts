import { procedureFailed, transactionUpdate } from '@autopilot/testing/server-bytes';
import { describe, expect, test } from '@jest/globals';
import { encode } from '../src/module/codec.ts';
import { eventRowCodecs } from '../src/module/event-rows.ts';
import { Harness, upTo } from './support/harness.ts';

async function following(
  options: ConstructorParameters<typeof Harness>[0] = {},
  fanout: 'inbox' | 'doorbell' = 'inbox',
) {
  const h = new Harness(options);
  h.host.stream('s', { fanout });
  h.session.follow('s', null);
  h.session.start();
  await h.live();
  return h;
}

describe('catching up', () => {
  test('I4: a long backlog comes in pages, one at a time, with progress', async () => {
    const h = new Harness({ pageSize: 100 });
    h.host.stream('s');
    h.host.append('s', 1000);
    let inFlight = 0;
    let most = 0;
    h.host.intercept = (_connection, message) => {
      if (message.type === 'procedure') {
        inFlight += 1;
        most = Math.max(most, inFlight);
      }
      return false;
    };
    const progress: (number | undefined)[] = [];
    h.session.listen((signal) => {
      if (signal.type !== 'batch') return;
      inFlight = 0;
      progress.push(Number(h.session.status().streams.s?.progress?.at));
    });
    h.session.follow('s', { epoch: 'epoch-1', seq: 50n });
    h.session.start();
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(1000, 51));
    expect(h.of('batch').map(({ events }) => events.length)).toEqual([...Array(9).fill(100), 50]);
    expect(progress).toEqual([...upTo(9).map((page) => page * 100 + 50), Number.NaN]);
    expect(most).toBe(1);
    expect(h.host.log.filter((line) => line.includes(' s '))).toEqual([
      'open_stream s epoch-1 50',
      ...upTo(9).map((page) => `read_page s epoch-1 ${page * 100 + 50}`),
    ]);
    await h.close();
  });

  test('I4: more live rows than may wait are dropped and read again', async () => {
    const h = new Harness({ pageSize: 10, liveBuffer: 5 });
    h.host.procedureDelay = () => 50;
    h.host.stream('s');
    h.host.append('s', 30);
    h.session.follow('s', null);
    h.session.start();
    await h.state('replaying');
    await h.sim.advance(10);
    for (let round = 0; round < 40; round += 1) {
      h.host.append('s');
      await h.sim.advance(3);
      expect(h.session.status().streams.s?.waiting_rows).toBeLessThanOrEqual(5);
    }
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(70));
    expect(h.session.status().counters.buffer_overflows).toBeGreaterThan(0);
    await h.close();
  });

  test('I4: rows dropped before the position is known are read again as well', async () => {
    const h = new Harness({ liveBuffer: 2, headPollMs: 600_000 });
    h.host.procedureDelay = () => 100;
    h.host.stream('s');
    h.session.follow('s', null);
    h.session.start();
    await h.sim.until(() => h.host.open[0]?.watches.has('s') === true);
    h.host.append('s', 3);
    await h.live();
    expect(h.session.status().counters.buffer_overflows).toBe(1);
    expect(h.seqs('s')).toEqual(upTo(3));
    await h.close();
  });

  test('I4: over all streams only so many pages are under way', async () => {
    const h = new Harness({ maxPagesInFlight: 3 });
    let held: (() => void)[] = [];
    let passing = false;
    h.host.intercept = (connection, message) => {
      if (passing || message.type !== 'procedure' || message.name === 'read_heads') return false;
      held.push(() => connection.handle(message));
      return true;
    };
    for (let n = 0; n < 20; n += 1) {
      h.host.stream(`s${n}`);
      h.host.append(`s${n}`, 2);
      h.session.follow(`s${n}`, null);
    }
    h.session.start();
    const sizes: number[] = [];
    while (h.session.state !== 'live') {
      await h.sim.advance(50);
      sizes.push(held.length);
      const release = held;
      held = [];
      passing = true;
      for (const answer of release) answer();
      passing = false;
    }
    expect(sizes).toEqual([3, 3, 3, 3, 3, 3, 2, 0]);
    await h.close();
  });

  test('I2: live is said only when every stream is at its head, and taken back when one is added', async () => {
    const h = await following();
    h.host.stream('t');
    h.host.append('t', 1200);
    h.session.follow('t', null);
    await h.state('replaying');
    expect(h.seqs('t').length).toBeLessThan(1200);
    await h.live();
    expect(h.seqs('t')).toHaveLength(1200);
    expect(h.session.status().counters.listener_errors).toBe(0);
    h.session.unfollow('t');
    expect(h.session.state).toBe('live');
    await h.sim.until(() => h.host.log.includes('unwatch'));
    h.host.append('t', 3);
    await h.sim.advance(100);
    expect(h.seqs('t')).toHaveLength(1200);
    await h.close();
  });
});

describe('a stream that is added while live', () => {
  test.each(['inbox', 'doorbell'] as const)(
    'I2: with nothing to catch up it does not leave live (%s)',
    async (fanout) => {
      const h = await following();
      const before = h.path.length;
      for (const id of ['t', 'u', 'v']) {
        h.host.stream(id, { fanout });
        h.session.follow(id, null);
        expect(h.session.status().streams[id]?.phase).toBe('waiting');
        await h.sim.until(() => h.session.status().streams[id]?.phase === 'live', `${id} is opened`);
      }
      h.host.append('u', 3);
      await h.received('u', 3);
      expect(h.path.slice(before)).toEqual([]);
      await h.close();
    },
  );

  test('I2: what one page brings at once does not leave live either', async () => {
    const h = await following();
    h.host.stream('t');
    h.host.append('t', 20);
    const before = h.path.length;
    h.session.follow('t', null);
    await h.received('t', 20);
    expect(h.path.slice(before)).toEqual([]);
    expect(h.session.status().streams.t?.phase).toBe('live');
    await h.close();
  });

  test('I2: a first reading that fails leaves live, and live is said again once it was read', async () => {
    const h = await following();
    h.host.stream('t');
    let failures = 0;
    h.host.intercept = (connection, message) => {
      if (message.type !== 'procedure' || failures === 2) return false;
      failures += 1;
      connection.send(procedureFailed(message.request_id, 'not now'));
      return true;
    };
    h.session.follow('t', null);
    await h.state('replaying');
    await h.live();
    expect(failures).toBe(2);
    await h.close();
  });
});

describe('what the owner takes back', () => {
  test('I3: rows that wait to be told are not told any more after a rewind or an unfollow', async () => {
    const h = await following();
    const [connection] = h.host.open;
    const stream = h.host.streams.get('s');
    if (stream === undefined || connection === undefined) throw new Error('not set up');
    connection.watches.clear();
    h.host.append('s', 6);
    connection.watches.add('s');
    let told = 0;
    const after: number[] = [];
    h.session.listen((signal) => {
      if (signal.type !== 'batch') return;
      told += 1;
      if (told > 1) after.push(...signal.events.map(({ seq }) => Number(seq)));
      if (told === 1) h.session.rewind('s', null);
    });
    const set = connection.liveSet ?? 0;
    const update = (seq: number) => {
      const event = stream.events[seq - 1];
      if (event === undefined) throw new Error('no event');
      const events = [h.host.liveRow(stream, event)];
      return transactionUpdate([{ query_set_id: set, tables: [{ table: 'live_inbox', events }] }]);
    };
    // Three transactions in one frame: one turn.
    connection.send(update(1), update(2), update(3));
    await h.sim.until(() => after.length >= 6);
    expect(after).toEqual(upTo(6));
    await h.close();
  });

  test('I3: while a refresh hands over, a stream that was followed anew is not fed by the old connection too', async () => {
    const h = await following();
    h.host.append('s', 2);
    await h.received('s', 2);
    // A call that is not answered keeps the old connection for `drainMs`.
    h.host.intercept = (_connection, message) => message.type === 'reducer' && message.name === 'hang';
    h.session.call('hang', new Uint8Array(0)).catch(() => {});
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    expect(h.host.open).toHaveLength(2);
    h.session.unfollow('s');
    h.session.follow('s', { epoch: 'epoch-1', seq: 2n });
    h.host.append('s', 3);
    await h.received('s', 5);
    await h.sim.advance(1000);
    expect(h.seqs('s')).toEqual(upTo(5));
    await h.close();
  });
});

describe('live rows', () => {
  test('a lost row is read by a page, and the gap is counted', async () => {
    const h = await following();
    h.host.append('s', 2);
    await h.received('s', 2);
    const stream = h.host.streams.get('s');
    const [connection] = h.host.open;
    if (stream === undefined || connection === undefined) throw new Error('not set up');
    connection.watches.clear();
    h.host.append('s', 1);
    connection.watches.add('s');
    h.host.append('s', 1);
    await h.received('s', 4);
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(4));
    expect(h.session.status().counters.gaps).toBe(1);
    expect(h.path.slice(-2)).toEqual(['replaying:behind', 'live:caught_up']);
    await h.close();
  });

  test('a row without its payload is read by a page, without leaving live', async () => {
    const h = await following();
    const changes = h.path.length;
    h.host.append('s', 1, false);
    h.host.append('s', 2);
    await h.received('s', 3);
    expect(h.seqs('s')).toEqual(upTo(3));
    expect(h.events('s')[0]?.payload).toBe('{"seq":1}');
    expect(h.path).toHaveLength(changes);
    await h.close();
  });

  test('I15: the rows of one transaction come in one batch, whatever their order in it', async () => {
    const h = await following();
    const stream = h.host.streams.get('s');
    const [connection] = h.host.open;
    if (stream === undefined || connection === undefined) throw new Error('not set up');
    connection.watches.clear();
    h.host.append('s', 3);
    connection.watches.add('s');
    const rows = stream.events.map((event) => h.host.liveRow(stream, event)).reverse();
    const before = h.of('batch').length;
    connection.live({ table: 'live_inbox', events: rows });
    await h.received('s', 3);
    expect(
      h
        .of('batch')
        .slice(before)
        .map(({ events }) => events.map(({ seq }) => Number(seq))),
    ).toEqual([[1, 2, 3]]);
    await h.close();
  });

  test('rows of streams that are not followed are passed over', async () => {
    const h = await following();
    h.host.stream('other');
    h.host.open[0]?.watches.add('other');
    h.host.append('other', 3);
    h.host.append('s', 1);
    await h.received('s', 1);
    expect(h.of('batch').map(({ stream_id }) => stream_id)).toEqual(['s']);
    await h.close();
  });

  test('a row that cannot be read ends the connection', async () => {
    const h = await following();
    h.host.open[0]?.live({ table: 'live_inbox', events: [new Uint8Array([1, 2, 3])] });
    await h.state('backoff');
    expect(h.path.at(-1)).toBe('backoff:protocol_error');
    await h.live();
    await h.close();
  });

  test('transient signals are passed on with their sender', async () => {
    const h = await following();
    h.host.signal('s', '{"percent":5}');
    await h.sim.until(() => h.of('transient').length === 1);
    expect(h.of('transient')[0]).toEqual({
      type: 'transient',
      stream_id: 's',
      kind: 'progress',
      payload: '{"percent":5}',
      sender: 0xc200_0001n.toString(16).padStart(64, '0'),
    });
    await h.close();
  });
});

describe('doorbell streams', () => {
  test('are pulled on a bell, many bells by one page', async () => {
    const h = await following({}, 'doorbell');
    expect(h.session.status().streams.s).toMatchObject({ source: 'doorbell', phase: 'live' });
    expect(h.host.log).toContain("subscribe SELECT * FROM bell WHERE route = 'route-of-s'");
    const pages = h.session.status().counters.pages_read;
    h.host.procedureDelay = () => 100;
    h.host.append('s', 50);
    await h.received('s', 50);
    await h.sim.advance(1000);
    expect(h.seqs('s')).toEqual(upTo(50));
    expect(h.session.status().counters.pages_read - pages).toBeLessThanOrEqual(2);
    expect(h.path.at(-1)).toBe('live:caught_up');
    await h.close();
  });

  test('what comes between the page and the subscription is not missed', async () => {
    const h = new Harness();
    h.host.stream('s', { fanout: 'doorbell' });
    let done = false;
    h.host.intercept = (_connection, message) => {
      if (message.type === 'subscribe' && message.queries[0]?.includes('bell') === true && !done) {
        done = true;
        h.host.append('s', 3);
      }
      return false;
    };
    h.session.follow('s', null);
    h.session.start();
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(3));
    await h.close();
  });

  test('a new route is learned when the old one falls silent', async () => {
    const h = await following({ headPollMs: 1000 }, 'doorbell');
    const stream = h.host.streams.get('s');
    if (stream === undefined) throw new Error('not set up');
    stream.route = "rotated 'route";
    h.host.append('s', 2);
    await h.received('s', 2);
    await h.live();
    expect(h.host.log).toContain("subscribe SELECT * FROM bell WHERE route = 'rotated ''route'");
    expect(h.session.status().counters.head_repairs).toBe(1);
    await h.close();
  });

  test('I2: a late bell of another life of the stream does not leave it behind for ever', async () => {
    const h = await following({}, 'doorbell');
    h.host.append('s', 5);
    await h.received('s', 5);
    h.host.stream('s', { fanout: 'doorbell', epoch: 'epoch-2', route: 'another' });
    const [connection] = h.host.open;
    const [old] = [...(connection?.sets ?? [])].find(([, queries]) => queries[0]?.includes('route-of-s') === true) ?? [
      0,
    ];
    h.session.listen((signal) => {
      if (signal.type !== 'stale') return;
      h.session.rewind('s', signal.floor);
      const bell = encode(eventRowCodecs.bell, { route: 'route-of-s', seq: 9n });
      connection?.send(transactionUpdate([{ query_set_id: old, tables: [{ table: 'bell', events: [bell] }] }]));
    });
    await h.sim.until(() => h.of('stale').length === 1);
    await h.live();
    expect(h.session.status().streams.s).toMatchObject({ position: { epoch: 'epoch-2', seq: 0n }, head: 0n });
    h.host.append('s', 2);
    await h.received('s', 7);
    await h.close();
  });
});

describe('heads', () => {
  test('I16: heads are told with their chain, so that an idle stream is not a dead one', async () => {
    const h = await following();
    h.host.append('s', 2);
    await h.received('s', 2);
    const before = h.of('head').length;
    await h.sim.advance(10_100);
    const chain = h.host.streams.get('s')?.events[1]?.chain;
    expect(h.of('head').slice(before)).toEqual([
      { type: 'head', stream_id: 's', epoch: 'epoch-1', head: 2n, head_chain: chain },
    ]);
    await h.close();
  });

  test('I16: a head that stays ahead for a whole poll is read by the session itself', async () => {
    const h = await following();
    const [connection] = h.host.open;
    connection?.sets.delete(connection.liveSet ?? 0);
    h.host.append('s', 3);
    await h.sim.advance(10_100);
    expect(h.seqs('s')).toEqual([]);
    expect(h.session.status().streams.s).toMatchObject({ position: { seq: 0n }, head: 3n });
    await h.sim.advance(10_100);
    expect(h.seqs('s')).toEqual(upTo(3));
    expect(h.session.status().counters.head_repairs).toBe(1);
    expect(h.session.state).toBe('live');
    await h.close();
  });

  test('I16: a watch that the host has lost is opened again', async () => {
    const h = await following();
    h.host.open[0]?.watches.clear();
    h.host.append('s', 3);
    await h.received('s', 3);
    expect(h.session.status().counters.watch_repairs).toBe(1);
    expect(h.host.log.filter((line) => line.startsWith('open_stream'))).toHaveLength(2);
    h.host.append('s', 1);
    await h.received('s', 4);
    await h.close();
  });

  test('I16: a poll that fails is made good by a page, which tells that the token is over', async () => {
    const h = await following();
    // The host ends the token long before the session would replace it: no live row comes any more, and polls trap.
    let isOver = true;
    h.host.tokenEnd = (connection) => (isOver && connection.number === 1n ? 0 : Number.POSITIVE_INFINITY);
    h.host.open[0]?.watches.clear();
    h.host.append('s', 3);
    await h.sim.until(() => h.session.status().counters.refreshes === 1);
    await h.received('s', 3);
    expect(h.sim.now - 1_800_000_000_000).toBeLessThan(15_000);
    expect(h.session.status().counters).toMatchObject({ attempts: 1, refreshes: 1 });
    isOver = false;
    await h.live();
    await h.close();
  });

  test('I16: a poll that traps again and again leaves live, idle streams live', async () => {
    const h = await following();
    h.host.intercept = (connection, message) => {
      if (message.type !== 'procedure' || message.name !== 'read_heads') return false;
      connection.send(procedureFailed(message.request_id, 'The instance encountered a fatal error.'));
      return true;
    };
    const before = h.path.length;
    await h.sim.advance(60_000);
    expect(h.path.slice(before)).toEqual([]);
    expect(h.host.log.filter((line) => line.startsWith('read_page'))).toHaveLength(5);
    await h.close();
  });

  test('I16: watches are renewed before their lease ends', async () => {
    const h = await following();
    await h.sim.advance(300_000);
    expect(h.host.log.filter((line) => line === 'renew_watches')).toHaveLength(2);
    await h.close();
  });
});

describe('streams that cannot go on', () => {
  test('a revoked grant closes the stream at once, the others go on', async () => {
    const h = await following();
    h.host.stream('t');
    h.session.follow('t', null);
    await h.live();
    h.host.notice('s', 'revoked');
    await h.sim.until(() => h.of('stream-closed').length === 1);
    expect(h.of('stream-closed')[0]).toMatchObject({ stream_id: 's', code: 'forbidden' });
    h.host.append('s', 2);
    h.host.append('t', 2);
    await h.received('t', 2);
    expect(h.seqs('s')).toEqual([]);
    expect(h.session.state).toBe('live');
    h.host.open[0]?.cut();
    await h.state('backoff');
    await h.live();
    expect(h.of('stream-closed')).toHaveLength(1);
    // A new grant: the owner follows again.
    h.host.denied.clear();
    h.session.follow('s', null);
    await h.received('s', 2);
    await h.close();
  });

  test('a stream without a grant, or unknown, or retired, is closed with its code', async () => {
    const h = await following();
    h.host.denied.add('secret');
    h.session.follow('secret', null);
    h.session.follow('nothing', null);
    h.host.notice('s', 'retired');
    await h.sim.until(() => h.of('stream-closed').length === 3);
    expect(new Map(h.of('stream-closed').map(({ stream_id, code }) => [stream_id, code]))).toEqual(
      new Map([
        ['secret', 'forbidden'],
        ['nothing', 'unknown_stream'],
        ['s', 'unknown_stream'],
      ]),
    );
    expect(h.session.status().streams.secret?.phase).toBe('closed');
    await h.live();
    await h.close();
  });

  test('a cursor below the floor is stale until the owner rewinds', async () => {
    const h = new Harness();
    const stream = h.host.stream('s');
    h.host.append('s', 20);
    stream.first_kept = 11n;
    h.session.follow('s', { epoch: 'epoch-1', seq: 3n });
    h.session.start();
    await h.sim.until(() => h.of('stale').length === 1);
    const [stale] = h.of('stale');
    expect(stale).toEqual({
      type: 'stale',
      stream_id: 's',
      reason: 'retention_floor_breach',
      floor: { epoch: 'epoch-1', seq: 10n },
      floor_chain: stream.events[9]?.chain,
      head: 20n,
    });
    await h.sim.advance(120_000);
    expect(h.session.state).toBe('replaying');
    expect(h.of('stale')).toHaveLength(1);
    if (stale !== undefined) h.session.rewind('s', stale.floor);
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(20, 11));
    await h.close();
  });

  test('a rebuilt stream is stale with its new epoch, also when only a live row tells', async () => {
    const h = await following();
    h.host.append('s', 5);
    await h.received('s', 5);
    h.host.stream('s', { epoch: 'epoch-2' });
    h.host.append('s', 2);
    await h.sim.until(() => h.of('stale').length === 1);
    expect(h.of('stale')[0]).toMatchObject({ reason: 'epoch_changed', floor: { epoch: 'epoch-2', seq: 0n }, head: 2n });
    expect(h.session.state).toBe('replaying');
    h.session.rewind('s', { epoch: 'epoch-2', seq: 0n });
    await h.live();
    expect(h.seqs('s')).toEqual([...upTo(5), 1, 2]);
    await h.close();
  });

  test('a rewind reads again, and late answers to older questions are dropped', async () => {
    const h = await following({ pageSize: 10 });
    h.host.procedureDelay = () => 500;
    h.host.append('s', 30);
    await h.received('s', 30);
    h.session.rewind('s', { epoch: 'epoch-1', seq: 25n });
    h.session.rewind('s', { epoch: 'epoch-1', seq: 5n });
    await h.received('s', 55);
    await h.live();
    expect(h.seqs('s')).toEqual([...upTo(30), ...upTo(30, 6)]);
    expect(h.session.status().counters.stalled_reads).toBe(0);
    await h.close();
  });

  test('I14: a stream whose pages fail is tried again with pauses, and disturbs nobody', async () => {
    const h = await following();
    h.host.stream('bad');
    h.host.append('bad', 3);
    let asked = 0;
    h.host.intercept = (connection, message) => {
      if (message.type !== 'procedure' || !Buffer.from(message.args).includes('bad')) return false;
      asked += 1;
      connection.send(procedureFailed(message.request_id, 'The instance encountered a fatal error.'));
      return true;
    };
    h.session.follow('bad', null);
    h.host.append('s', 1);
    await h.sim.advance(60_000);
    h.host.append('s', 1);
    await h.received('s', 2);
    expect(asked).toBeGreaterThan(3);
    expect(asked).toBeLessThan(40);
    expect(h.session.status()).toMatchObject({ attempt: 1, state: 'replaying' });
    // Which one it is can be seen.
    expect(h.session.status().streams.bad).toMatchObject({ stalls: asked, phase: 'waiting' });
    expect(h.session.status().streams.s?.stalls).toBe(0);
    h.host.intercept = undefined;
    await h.live();
    expect(h.session.status().streams.bad?.stalls).toBe(0);
    expect(h.seqs('bad')).toEqual(upTo(3));
    await h.close();
  });

  test('I14: a host that knows of more but never gives it is not asked in a tight loop', async () => {
    const h = await following();
    h.host.pageLimit = 0;
    h.host.append('s', 1, false);
    const before = h.session.status().counters.pages_read;
    await h.sim.advance(60_000);
    const asked = h.session.status().counters.pages_read - before;
    expect(asked).toBeGreaterThan(2);
    expect(asked).toBeLessThan(40);
    h.host.pageLimit = 500;
    await h.received('s', 1);
    await h.close();
  });

  test('I14: adding and removing streams never disturbs the others', async () => {
    const h = await following();
    for (let round = 1; round <= 30; round += 1) {
      h.host.stream(`t${round}`, { fanout: round % 2 === 0 ? 'inbox' : 'doorbell' });
      h.session.follow(`t${round}`, null);
      h.host.append('s', 2);
      await h.sim.advance(2);
      if (round > 5) h.session.unfollow(`t${round - 5}`);
    }
    await h.received('s', 60);
    await h.live();
    expect(h.seqs('s')).toEqual(upTo(60));
    expect(h.session.status().counters).toMatchObject({ gaps: 0, attempts: 1, illegal_transitions: 0 });
    await h.close();
  });
});
