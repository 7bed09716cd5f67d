import { genesisChain } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { goLive } from '../support/pipeline-bench.ts';
import { decisionFor, startRouter } from '../support/router-bench.ts';
import { eventsOf } from '../support/scripted-lane.ts';

const id = 'runtime.run.1.events';
const second = 'runtime.run.2.events';
const khala = decisionFor('khala');
const spacetime = decisionFor('spacetime');

describe('a flip', () => {
  test('H13: takes over where the store is, and labels each event by the lane that brought it', () => {
    const { router, lane, seq, view, ports } = startRouter(khala, [id]);
    lane('khala').batch(eventsOf(id, 1, 5), 'live');
    lane('spacetime').batch(eventsOf(id, 1, 7), 'live');
    expect([seq(id), view.snapshot().connection.lane]).toEqual([5n, 'khala']);
    router.decide(spacetime, true);
    expect(router.status()).toMatchObject({ active: 'spacetime', phase: 'steady', done: 1 });
    // It was ahead: what the store has not is read again.
    expect(lane('spacetime').callsOf('rewind', id)).toEqual([
      { call: 'rewind', stream_id: id, after: { epoch: 'e1', seq: 5n } },
    ]);
    expect(view.snapshot().connection.lane).toBe('khala');
    lane('spacetime').batch(eventsOf(id, 6, 7), 'replay');
    lane('khala').batch(eventsOf(id, 6, 8), 'live');
    expect([seq(id), view.snapshot().connection.lane]).toEqual([7n, 'spacetime']);
    expect(view.snapshot().totals).toMatchObject({ applied: 7, duplicates: 0, gaps: 0 });
    expect(view.snapshot().transitions.at(-1)).toMatchObject({
      reason: 'handover',
      message: 'khala to spacetime (S1.3)',
    });
    expect(ports.pending).toBeGreaterThan(0);
  });

  test('H4: without drain a live session keeps its lane until it ends, then moves though the lane is back', () => {
    const { router, lane, ports } = startRouter(khala, [id], { drain: false });
    router.decide(spacetime, false);
    ports.advance(60_000);
    expect(router.status()).toMatchObject({ active: 'khala', phase: 'keeping' });
    lane('spacetime').go('backoff');
    lane('khala').go('backoff');
    expect(router.status().phase).toBe('preparing');
    for (const to of ['authenticating', 'connecting', 'subscribing', 'replaying', 'live'] as const)
      lane('khala').go(to);
    router.decide(spacetime, false);
    expect(router.status()).toMatchObject({ active: 'khala', phase: 'preparing' });
    for (const to of ['authenticating', 'connecting', 'subscribing', 'replaying', 'live'] as const) {
      lane('spacetime').go(to);
    }
    expect(router.status()).toMatchObject({ active: 'spacetime', phase: 'steady' });
  });

  test('H4: a session that never was live is kept by nothing, and drain moves one at once', () => {
    const early = startRouter(khala, [id], { live: false, drain: false });
    early.router.decide(spacetime, false);
    expect(early.router.status().phase).toBe('preparing');
    const drained = startRouter(khala, [id]);
    drained.router.decide(spacetime, false);
    expect(drained.router.status().phase).toBe('keeping');
    drained.router.decide(spacetime, true);
    expect(drained.router.status()).toMatchObject({ active: 'spacetime', phase: 'steady' });
  });

  test('H5: a lane that does not become live in time is given up, tried again after longer and longer, and told of', () => {
    const { router, lane, seq, ports } = startRouter(khala, [id], { live: false });
    goLive(lane('khala'));
    lane('khala').batch(eventsOf(id, 1, 2), 'live');
    router.decide(spacetime, true);
    const waits: (number | null)[] = [];
    for (let round = 1; round <= 4; round += 1) {
      ports.advance(999);
      expect(router.status()).toMatchObject({ active: 'khala', phase: 'preparing', failed: round - 1 });
      lane('khala').batch(eventsOf(id, round + 2, round + 2), 'live');
      ports.advance(1);
      expect(router.status()).toMatchObject({ phase: 'retrying', failed: round });
      waits.push(router.status().waiting_ms);
      // A repeated decision does not shorten the wait.
      router.decide(spacetime, true);
      ports.advance(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([200, 400, 800, 800]);
    expect(seq(id)).toBe(6n);
    expect(router.status().handovers.at(-1)).toMatchObject({
      ...{ from: 'khala', to: 'spacetime', rule: 'S1.3', outcome: 'failed' },
      reason: 'It is in the state idle, not live.',
    });
    goLive(lane('spacetime'));
    lane('spacetime').batch(eventsOf(id, 1, 6), 'replay');
    ports.advance(20);
    expect(router.status()).toMatchObject({ active: 'spacetime', done: 1 });
  });

  test('H5: one stream that would lose something holds the flip: refused, of another epoch, or begun too late', () => {
    for (const what of ['refused', 'foreign', 'late', 'behind'] as const) {
      const { router, lane, ports } = startRouter(khala, [id, second]);
      lane('khala').batch(eventsOf(id, 1, 4), 'live');
      lane('khala').batch(eventsOf(second, 1, 4), 'live');
      lane('spacetime').batch(eventsOf(second, 1, 4), 'live');
      const next = lane('spacetime');
      const floor = { epoch: 'e1', seq: 9n };
      const floor_chain = genesisChain(id);
      const refuse = () =>
        next.signal({ type: 'stream-closed', stream_id: id, code: 'forbidden', message: 'no grant' });
      if (what === 'refused') refuse();
      else if (what === 'foreign') next.batch(eventsOf(id, 1, 4, { epoch: 'other' }), 'live');
      else if (what === 'behind') next.batch(eventsOf(id, 1, 3), 'live');
      else
        next.signal({ type: 'stale', stream_id: id, reason: 'retention_floor_breach', floor, floor_chain, head: 20n });
      router.decide(spacetime, true);
      if (what === 'refused') {
        expect(next.callsOf('follow', id)).toHaveLength(2);
        refuse();
      }
      if (what === 'late') {
        // It is asked once more from the position, and says again that it cannot serve it.
        expect(next.callsOf('rewind', id).at(-1)).toMatchObject({ after: { epoch: 'e1', seq: 4n } });
        next.signal({ type: 'stale', stream_id: id, reason: 'retention_floor_breach', floor, floor_chain, head: 20n });
      }
      ports.advance(1000);
      expect([what, router.status().active, router.status().failed]).toEqual([what, 'khala', 1]);
      expect(router.status().handovers.at(-1)?.reason).toBe(`${id} is ${what} on spacetime.`);
    }
  });

  test('H5: a lane that needs a person is given up at once, and a decision that goes back ends the preparation', () => {
    const { router, lane, ports } = startRouter(khala, [id], { live: false });
    router.decide(spacetime, true);
    lane('spacetime').go('needs-auth');
    expect(router.status()).toMatchObject({ phase: 'retrying', failed: 1 });
    router.decide(khala, true);
    expect(router.status()).toMatchObject({ phase: 'steady', active: 'khala' });
    lane('spacetime').go('backoff');
    router.decide(spacetime, true);
    expect(router.status().phase).toBe('preparing');
    router.decide(khala, true);
    expect(router.status().handovers.at(-1)).toMatchObject({ outcome: 'abandoned' });
    ports.advance(100_000);
    expect(router.status()).toMatchObject({ phase: 'steady', active: 'khala', done: 0, failed: 1, illegal_steps: 0 });
  });

  test('H6: flapping is damped: each further change waits longer, and a decision that went back meanwhile is not made', () => {
    const { router, ports } = startRouter(khala, [id]);
    const flips: number[] = [];
    const started = ports.clock.monotonic();
    for (let flip = 0; flip < 6; flip += 1) {
      const to = flip % 2 === 0 ? spacetime : khala;
      router.decide(to, true);
      while (router.status().active !== to.lane) ports.advance(10);
      flips.push(ports.clock.monotonic() - started);
    }
    const gaps = flips.map((at, index) => at - (flips[index - 1] ?? 0));
    expect(gaps).toEqual([0, 100, 200, 400, 800, 1000]);
    router.decide(spacetime, true);
    expect(router.status().phase).toBe('damped');
    router.decide(khala, true);
    ports.advance(5000);
    expect(router.status()).toMatchObject({ phase: 'steady', active: 'khala', done: 6 });
  });
});

describe('writes', () => {
  const ack = { stream_id: id, epoch: 'e1', seq: 1n, chain: 'c' };

  test('H7: are refused before the wire and counted as long as the decision does not say spacetime', async () => {
    const { router, lane } = startRouter(khala, [id]);
    await expect(router.acknowledge(ack)).rejects.toMatchObject({ code: 'writes_refused', recovery: 'stop' });
    await expect(router.acknowledge(ack)).rejects.toThrow('S1.2');
    expect([lane('spacetime').acks, lane('khala').acks, router.status().refused_writes]).toEqual([[], [], 2]);
    router.decide(spacetime, true);
    await router.acknowledge(ack);
    expect([lane('spacetime').acks, router.status().refused_writes]).toEqual([[ack], 2]);
  });
});

describe('the lane beside', () => {
  test('H8: is closed when nobody needs it, and opened again when somebody does', () => {
    const { router, lane, opened } = startRouter(spacetime, [id]);
    expect(opened.map(({ id: name, started }) => [name, started])).toEqual([
      ['spacetime', true],
      ['khala', true],
    ]);
    router.decide(decisionFor('spacetime', { shadow: null }), true);
    expect(lane('khala').closed).toBe(true);
    expect(router.status().lanes).toMatchObject([{ id: 'khala', role: 'off', state: null }, { role: 'active' }]);
    router.decide(spacetime, true);
    expect(opened).toHaveLength(3);
    expect(lane('khala').callsOf('follow', id)).toHaveLength(1);
  });

  test('H8: without khala in this build every decision is carried out on spacetime, and the lack is told', async () => {
    const { router, opened } = startRouter(khala, [id], { khala: false });
    expect(opened.map(({ id: name }) => name)).toEqual(['spacetime']);
    expect(router.status()).toMatchObject({ active: 'spacetime', missing_lane: 'khala', phase: 'steady' });
    await expect(router.acknowledge({ stream_id: id, epoch: 'e1', seq: 1n, chain: '' })).rejects.toMatchObject({
      code: 'writes_refused',
    });
    router.decide(spacetime, true);
    expect(router.status().missing_lane).toBeNull();
  });

  test('a stream that only the shown lane has is asked for again on the other one, without end and without haste', () => {
    const { lane, ports } = startRouter(khala, [id]);
    const asked = () => lane('spacetime').callsOf('follow', id).length;
    const refuse = () =>
      lane('spacetime').signal({ type: 'stream-closed', stream_id: id, code: 'unknown_stream', message: 'not yet' });
    for (let times = 2; times <= 4; times += 1) {
      refuse();
      ports.advance(10_000);
      expect(asked()).toBe(times);
    }
    lane('spacetime').batch(eventsOf(id, 1, 1), 'replay');
    ports.advance(60_000);
    expect(asked()).toBe(4);
  });

  test('a stream that the shown lane does not have yet is asked for soon, a few times, before it is called closed', () => {
    const { lane, alarms, seq, ports } = startRouter(khala, [id, second]);
    const refuse = () =>
      lane('khala').signal({ type: 'stream-closed', stream_id: id, code: 'unknown_stream', message: 'not yet' });
    refuse();
    ports.advance(250);
    refuse();
    ports.advance(500);
    expect([lane('khala').callsOf('follow', id).length, alarms()]).toEqual([3, []]);
    lane('khala').batch(eventsOf(id, 1, 2), 'replay');
    expect([seq(id), alarms()]).toEqual([2n, []]);
    // One that was applied before is not young: it was taken away.
    refuse();
    expect(alarms()).toEqual(['stream_closed']);
    const other = () =>
      lane('khala').signal({ type: 'stream-closed', stream_id: second, code: 'unknown_stream', message: 'never' });
    for (let times = 0; times < 6; times += 1) {
      other();
      ports.advance(4000);
    }
    expect(alarms()).toEqual(['stream_closed', 'stream_closed']);
  });

  test('H11: what a lane brings after it was left is dropped and counted', () => {
    const { router, lane, seq, view } = startRouter(khala, [id]);
    const old = lane('khala');
    old.batch(eventsOf(id, 1, 3), 'live');
    lane('spacetime').batch(eventsOf(id, 1, 3), 'live');
    router.decide(decisionFor('spacetime', { shadow: null }), true);
    expect(old.closed).toBe(true);
    old.batch(eventsOf(id, 4, 8), 'live');
    old.go('backoff');
    expect([seq(id), router.status().dropped_events, router.state]).toEqual([3n, 5, 'live']);
    lane('spacetime').batch(eventsOf(id, 4, 4), 'live');
    expect(view.snapshot().totals).toMatchObject({ applied: 4, duplicates: 0 });
  });
});

describe('a lane that is a little behind', () => {
  const flipBehind = () => {
    const bench = startRouter(khala, [id]);
    bench.lane('khala').batch(eventsOf(id, 1, 5), 'live');
    bench.lane('spacetime').batch(eventsOf(id, 1, 4), 'live');
    bench.lane('spacetime').go('backoff');
    bench.router.decide(spacetime, true);
    bench.lane('spacetime').batch(eventsOf(id, 5, 5), 'replay');
    bench.lane('khala').batch(eventsOf(id, 6, 8), 'live');
    goLive(bench.lane('spacetime'));
    expect(bench.router.status()).toMatchObject({ active: 'spacetime', done: 1 });
    return bench;
  };

  test('H11: what it repeats up to the position of the store is left out and counted', () => {
    const { lane, seq, view, router } = flipBehind();
    lane('spacetime').batch(eventsOf(id, 6, 7), 'live');
    expect([seq(id), router.status().overlap_events]).toEqual([8n, 2]);
    lane('spacetime').batch(eventsOf(id, 8, 9), 'live');
    expect([seq(id), router.status().overlap_events]).toEqual([9n, 3]);
    expect(view.snapshot().totals).toMatchObject({ applied: 9, duplicates: 0, gaps: 0, conflicts: 0 });
  });

  test('H11: but a repeated position with another hash is shown to the apply path, which sets it aside', () => {
    const { lane, store, view } = flipBehind();
    lane('spacetime').batch(eventsOf(id, 6, 6, { salt: ' bent' }), 'live');
    expect([store.counts().quarantined, view.snapshot().totals.conflicts]).toEqual([1, 1]);
  });

  test('H12: its lower heads are not taken for lost events, but do not stay hidden for ever', () => {
    const { lane, alarms, ports } = flipBehind();
    const low = () => lane('spacetime').head(id, 6);
    for (let times = 0; times < 5; times += 1) low();
    expect(alarms()).toEqual([]);
    ports.advance(31_000);
    lane('spacetime').head(id, 8);
    for (let times = 0; times < 3; times += 1) low();
    expect(alarms()).toContain('host_behind');
  });

  test('H12: a position that it calls stale because it is not there yet is read from its own end', () => {
    const { lane, alarms, router, seq, store } = flipBehind();
    const floor = { epoch: 'e1', seq: 0n };
    lane('spacetime').signal({
      ...{ type: 'stale', stream_id: id, reason: 'epoch_changed', floor },
      ...{ floor_chain: genesisChain(id), head: 6n },
    } as const);
    expect(lane('spacetime').callsOf('rewind', id).at(-1)).toMatchObject({ after: { epoch: 'e1', seq: 6n } });
    lane('spacetime').batch(eventsOf(id, 7, 9), 'live');
    expect([seq(id), store.counts().resets, alarms(), router.status().overlap_events]).toEqual([9n, 0, [], 2]);
  });

  test('H12: at the start too, when the store was left on the other lane', () => {
    const first = flipBehind();
    const again = startRouter(spacetime, []);
    for (const { stream_id, epoch, seq, chain } of first.store.streams()) {
      const events = first.store.events(stream_id, { after: 0n, limit: 1000 });
      again.store.commit([{ stream_id, epoch, expected_seq: 0n, events, seq, chain }]);
    }
    again.pipeline.granted([id]);
    again.lane('spacetime').signal({
      ...{ type: 'stale', stream_id: id, reason: 'epoch_changed', floor: { epoch: 'e1', seq: 0n } },
      ...{ floor_chain: genesisChain(id), head: 7n },
    } as const);
    expect(again.lane('spacetime').callsOf('rewind', id).at(-1)).toMatchObject({ after: { epoch: 'e1', seq: 7n } });
    again.lane('spacetime').batch(eventsOf(id, 8, 10), 'replay');
    expect([again.seq(id), again.alarms()]).toEqual([10n, []]);
  });
});
