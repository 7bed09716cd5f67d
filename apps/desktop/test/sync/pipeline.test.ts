import type { CheckpointStore } from '@autopilot/checkpoint';
import { CheckpointError } from '@autopilot/checkpoint';
import { genesisChain, type PayloadHash } from '@autopilot/sync-contract';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { goLive, type PipelineBench, startBench, testFolder } from '../support/pipeline-bench.ts';
import { chainOf, eventsOf } from '../support/scripted-lane.ts';

const id = 'runtime.run.1.events';
const other = 'runtime.run.2.events';
let folder: ReturnType<typeof testFolder>;
let bench: PipelineBench;

beforeEach(async () => {
  folder = testFolder();
  bench = await startBench(folder.dir);
});
afterEach(async () => {
  await bench.stop();
  folder.remove();
});

const restart = async (wrap?: (store: CheckpointStore) => CheckpointStore) => {
  await bench.stop();
  bench = await startBench(folder.dir, wrap);
};

describe('applying', () => {
  test('a granted stream is followed from its first kept event, and each batch is stored and shown', () => {
    bench.pipeline.follow(id);
    bench.pipeline.follow(id);
    expect(bench.lane.calls).toEqual([{ call: 'follow', stream_id: id, after: null }]);
    const events = eventsOf(id, 1, 5);
    bench.lane.batch(events.slice(0, 3), 'replay', 5n);
    expect(bench.stream(id)).toMatchObject({
      seq: 3n,
      head: 5n,
      lag_events: 2n,
      chain: chainOf(id, events.slice(0, 3)),
    });
    bench.lane.batch(events.slice(3), 'live');
    expect(bench.store.load(id)).toMatchObject({ epoch: 'e1', seq: 5n, chain: chainOf(id, events) });
    expect(bench.store.events(id, { after: 0n, limit: 10 })).toEqual(events);
    expect(bench.state().totals).toMatchObject({ applied: 5, duplicates: 0, gaps: 0, conflicts: 0 });
    expect(bench.state().connection.lane).toBe('spacetime');
  });

  test('what is shown is in the store already, and a batch is one transaction', () => {
    bench.pipeline.follow(id);
    const shown: bigint[] = [];
    const stored: bigint[] = [];
    const unlisten = bench.view.listen(() => {
      shown.push(bench.stream(id).seq);
      stored.push(bench.store.load(id)?.seq ?? 0n);
    });
    bench.lane.batch(eventsOf(id, 1, 100));
    unlisten();
    expect(shown.length).toBeGreaterThan(0);
    // At no moment is more shown than stored, and never a part of the batch.
    expect(shown.every((seq, index) => seq <= (stored[index] ?? -1n))).toBe(true);
    expect(new Set(stored)).toEqual(new Set([100n]));
    expect(bench.store.counts().commits).toBe(1);
  });

  test('events that come again are counted and change nothing', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 4);
    bench.lane.batch(events);
    bench.lane.batch(events.slice(1));
    expect(bench.state().totals).toMatchObject({ applied: 4, duplicates: 3, conflicts: 0, gaps: 0 });
    expect(bench.stream(id)).toMatchObject({ seq: 4n, chain: chainOf(id, events) });
  });

  test('a signal for a stream that is not followed is not applied', () => {
    bench.lane.batch(eventsOf(id, 1, 2));
    expect(bench.store.load(id)).toBeUndefined();
    expect(bench.state().totals.applied).toBe(0);
  });

  test('acknowledgements carry what is stored', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 2);
    bench.lane.batch(events);
    expect(bench.acks).toEqual([{ stream_id: id, epoch: 'e1', seq: 2n, chain: chainOf(id, events) }]);
  });
});

describe('gaps', () => {
  test('a gap rewinds to the watermark and never moves it over the missing events', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 6);
    bench.lane.batch(events.slice(0, 2));
    bench.lane.batch(events.slice(4), 'live');
    expect(bench.stream(id)).toMatchObject({ seq: 2n, lag_events: 4n });
    expect(bench.lane.callsOf('rewind', id)).toEqual([
      { call: 'rewind', stream_id: id, after: { epoch: 'e1', seq: 2n } },
    ]);
    bench.lane.batch(events.slice(2));
    expect(bench.stream(id)).toMatchObject({ seq: 6n, chain: chainOf(id, events) });
    expect(bench.state().totals).toMatchObject({ applied: 6, gaps: 1 });
  });

  test('while a rewind is under way, later events of the same gap ask for no second one', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 9);
    bench.lane.batch(events.slice(0, 2));
    bench.lane.batch(events.slice(4, 6), 'live');
    bench.lane.batch(events.slice(6, 8), 'live');
    expect(bench.lane.callsOf('rewind', id)).toHaveLength(1);
    expect(bench.state().totals.gaps).toBe(1);
  });

  test('a rewind that was not answered well before the connection was lost is made again for the next one', () => {
    bench.pipeline.follow(id);
    goLive(bench.lane);
    const events = eventsOf(id, 1, 4);
    const [first, second, ...rest] = events;
    if (first === undefined || second === undefined) throw new Error('two events');
    const damaged = [{ ...second, payload_hash: 'f'.repeat(64) as PayloadHash }, ...rest];
    bench.lane.batch([first]);
    bench.lane.batch(damaged, 'replay');
    // The second reading is damaged too, and then the connection is lost before there is a third.
    bench.lane.batch(damaged, 'replay');
    const again = { call: 'rewind', stream_id: id, after: { epoch: 'e1', seq: 1n } };
    expect(bench.lane.callsOf('rewind', id)).toEqual([again]);
    bench.lane.go('backoff');
    expect(bench.lane.callsOf('rewind', id)).toEqual([again, again]);
    bench.lane.go('authenticating');
    bench.ports.advance(60_000);
    expect(bench.lane.callsOf('rewind', id)).toHaveLength(2);
    bench.lane.batch(events.slice(1));
    expect(bench.stream(id)).toMatchObject({ seq: 4n, chain: chainOf(id, events) });
  });

  test('a rewind that nothing answers is made again, and is no try that did not help', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 6);
    bench.lane.batch(events.slice(0, 2));
    bench.lane.batch(events.slice(4), 'live');
    bench.ports.advance(120_000);
    expect(bench.lane.callsOf('rewind', id)).toHaveLength(25);
    expect(bench.stream(id)).toMatchObject({ seq: 2n });
    expect(bench.alarms()).not.toContain('stream_blocked');
    bench.lane.batch(events.slice(2));
    expect(bench.stream(id)).toMatchObject({ seq: 6n, chain: chainOf(id, events) });
    bench.ports.advance(60_000);
    expect(bench.lane.callsOf('rewind', id)).toHaveLength(25);
  });

  test('rewinds that bring nothing new end in a blocked stream, an alarm, and no further try', () => {
    bench.pipeline.follow(id);
    bench.pipeline.follow(other);
    goLive(bench.lane);
    bench.lane.batch(eventsOf(id, 5, 6), 'live');
    for (let seconds = 0; seconds < 60; seconds += 5) {
      // Read again, and as much is missing as before.
      bench.lane.batch(eventsOf(id, 5, 6), 'replay');
      bench.ports.advance(5_000);
    }
    const rewinds = bench.lane.callsOf('rewind', id).length;
    expect(rewinds).toBe(6);
    expect(bench.stream(id)).toMatchObject({ state: 'blocked', seq: 0n });
    expect(bench.alarms()).toContain('stream_blocked');
    expect(bench.lane.callsOf('unfollow', id)).toHaveLength(1);
    bench.ports.advance(600_000);
    expect(bench.lane.callsOf('rewind', id)).toHaveLength(rewinds);
    // The others go on.
    bench.lane.batch(eventsOf(other, 1, 3), 'live');
    expect(bench.stream(other).seq).toBe(3n);
  });
});

describe('contradictions', () => {
  test('another event at an applied sequence is quarantined and alarmed; the stream goes on', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 4);
    bench.lane.batch(events.slice(0, 3));
    bench.lane.batch(eventsOf(id, 2, 2, { salt: '!' }), 'live');
    expect(bench.state().totals.conflicts).toBe(1);
    expect(bench.store.quarantined(id)).toMatchObject([{ reason: 'hash_differs', times: 1n }]);
    expect(bench.alarms()).toEqual(['event_quarantined']);
    bench.lane.batch(events.slice(3), 'live');
    expect(bench.stream(id)).toMatchObject({ seq: 4n, chain: chainOf(id, events) });
    expect(bench.alarms()).toEqual(['event_quarantined']);
  });

  test('of a host that contradicts itself without end, a part is kept and the rest counted, and the alarm says so', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 3));
    const message = () => bench.state().alarms.find(({ code }) => code === 'event_quarantined')?.message;
    for (let time = 0; time < 103; time += 1) bench.lane.batch(eventsOf(id, 2, 2, { salt: `!${time}` }), 'live');
    expect(bench.store.counts()).toMatchObject({ quarantined: 100, quarantine_overflow: 3 });
    expect(bench.state().totals.conflicts).toBe(103);
    expect(message()).toContain('hash_differs');
    expect(message()).toContain('counted and not kept');
  });

  test('an event damaged on its way is read again, and its alarm goes when the good one came', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 3);
    const damaged = events.map((event) => (event.seq === 2n ? { ...event, payload: '{"seq":2}' } : event));
    bench.lane.batch(damaged);
    expect(bench.stream(id).seq).toBe(1n);
    expect(bench.alarms()).toEqual(['event_quarantined']);
    expect(bench.lane.callsOf('rewind', id)).toEqual([
      { call: 'rewind', stream_id: id, after: { epoch: 'e1', seq: 1n } },
    ]);
    bench.lane.batch(events.slice(1));
    expect(bench.stream(id)).toMatchObject({ seq: 3n, chain: chainOf(id, events) });
    expect(bench.alarms()).toEqual([]);
  });

  test('a reused idempotency key stops the stream: reading it again would bring the same', () => {
    bench.pipeline.follow(id);
    const [first, second, third] = eventsOf(id, 1, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three events');
    bench.lane.batch([first, second]);
    bench.lane.batch([{ ...third, idempotency_key: first.idempotency_key }], 'live');
    expect(bench.stream(id)).toMatchObject({ seq: 2n, state: 'quarantined' });
    expect(bench.store.quarantined(id)).toMatchObject([{ reason: 'idempotency_key_reused' }]);
    expect(bench.alarms()).toEqual(['event_quarantined', 'stream_blocked']);
    expect(bench.lane.callsOf('rewind', id)).toEqual([]);
  });

  test('chain divergence is alarmed as soon as both are at one sequence, and goes when the host agrees', () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 4);
    bench.lane.batch(events.slice(0, 2), 'replay', 4n);
    // Said before the events are here: compared when they are.
    bench.lane.head(id, 4, 'f'.repeat(64));
    expect(bench.alarms()).toEqual([]);
    bench.lane.batch(events.slice(2));
    expect(bench.alarms()).toEqual(['chain_divergence']);
    expect(bench.stream(id)).toMatchObject({ state: 'diverged', proof: { seq: 4n, equal: false } });
    bench.lane.head(id, 4, chainOf(id, events));
    expect(bench.alarms()).toEqual([]);
    expect(bench.stream(id)).toMatchObject({ state: 'level', proof: { seq: 4n, equal: true } });
  });

  test('a host with fewer events than it once had is alarmed; a head that events overtook is not', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 4), 'live');
    bench.lane.head(id, 3);
    bench.lane.head(id, 3);
    expect(bench.alarms()).toEqual([]);
    bench.lane.head(id, 3);
    expect(bench.alarms()).toEqual(['host_behind']);
    bench.lane.head(id, 4);
    expect(bench.alarms()).toEqual([]);
  });
});

describe('what was set aside, after a restart', () => {
  test('an alarm that nobody has explained comes again, and ends when it was cleared', async () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 3));
    bench.lane.batch(eventsOf(id, 2, 3, { salt: '!' }), 'live');
    await restart();
    bench.pipeline.follow(id);
    expect(bench.alarms()).toEqual(['event_quarantined']);
    expect(bench.state().alarms[0]?.message).toMatch(/^2 events were set aside in .* the first one at 2: /);
    bench.lane.batch(eventsOf(id, 4, 5), 'live');
    expect(bench.alarms()).toEqual(['event_quarantined']);
    expect(bench.store.clearQuarantine(id)).toBe(2n);
    await restart();
    bench.pipeline.follow(id);
    expect(bench.alarms()).toEqual([]);
  });

  test('an event that was damaged on its way is an alarm until it was applied, also over restarts', async () => {
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 2);
    const [first, second] = events;
    if (first === undefined || second === undefined) throw new Error('two events');
    bench.lane.batch([first, { ...second, payload_hash: 'f'.repeat(64) as PayloadHash }]);
    await restart();
    bench.pipeline.follow(id);
    expect(bench.alarms()).toEqual(['event_quarantined']);
    bench.lane.batch([second]);
    expect(bench.alarms()).toEqual([]);
    await restart();
    bench.pipeline.follow(id);
    expect(bench.alarms()).toEqual([]);
    expect(bench.store.quarantined(id)).toHaveLength(1);
  });
});

describe('stale cursors', () => {
  const stale = (
    seq: bigint,
    epoch = 'e1',
    reason: 'retention_floor_breach' | 'epoch_changed' = 'retention_floor_breach',
  ) =>
    bench.lane.signal({
      ...{ type: 'stale', stream_id: id, reason, floor: { epoch, seq }, floor_chain: 'a'.repeat(64), head: seq + 5n },
    } as const);

  test('the stream moves to the floor in the store and reads on from there, counted and shown', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 2));
    stale(10n);
    expect(bench.store.load(id)).toMatchObject({ seq: 10n, base_seq: 10n, chain: 'a'.repeat(64) });
    expect(bench.store.resets(id)).toMatchObject([{ reason: 'retention_floor_breach', from: { seq: 2n } }]);
    expect(bench.lane.calls.at(-1)).toEqual({ call: 'rewind', stream_id: id, after: { epoch: 'e1', seq: 10n } });
    bench.lane.batch(eventsOf(id, 11, 12));
    expect(bench.stream(id)).toMatchObject({
      seq: 12n,
      note: 'Its history here begins at 11 (retention_floor_breach).',
    });
    expect(bench.state().totals).toMatchObject({ stale: 1, resets: 1, applied: 4 });
    expect(bench.alarms()).toEqual(['history_skipped']);
  });

  test('a new reader that begins at a floor has lost nothing: no alarm, no reset counted', () => {
    bench.pipeline.follow(id);
    stale(10n);
    expect(bench.state().totals).toMatchObject({ stale: 1, resets: 0 });
    expect(bench.alarms()).toEqual([]);
    expect(bench.stream(id).seq).toBe(10n);
  });

  test('another epoch replaces the old one; positions are never compared across epochs', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 9));
    bench.lane.signal({
      ...{ type: 'stale', stream_id: id, reason: 'epoch_changed', floor: { epoch: 'e2', seq: 0n } },
      ...{ floor_chain: genesisChain(id), head: 2n },
    } as const);
    const events = eventsOf(id, 1, 2, { epoch: 'e2' });
    bench.lane.batch(events);
    expect(bench.stream(id)).toMatchObject({ epoch: 'e2', seq: 2n, chain: chainOf(id, events) });
  });

  test('cursors that go stale again and again end in a blocked stream', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 2));
    for (const seq of [10n, 20n, 30n, 40n]) stale(seq);
    expect(bench.stream(id)).toMatchObject({ state: 'blocked', seq: 30n });
    expect(bench.state().totals).toMatchObject({ stale: 4, resets: 3 });
    expect(bench.alarms()).toContain('stream_blocked');
  });

  test('a floor behind the watermark in the same epoch is refused: the host lost data', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 9));
    stale(4n);
    expect(bench.stream(id)).toMatchObject({ state: 'blocked', seq: 9n });
    expect(bench.store.load(id)?.seq).toBe(9n);
  });
});

describe('restart', () => {
  test('every stored stream resumes from its watermark, and nothing is applied twice', async () => {
    bench.pipeline.follow(id);
    bench.pipeline.follow(other);
    const events = eventsOf(id, 1, 7);
    bench.lane.batch(events.slice(0, 4));
    bench.lane.batch(eventsOf(other, 1, 2));
    await restart();
    expect(bench.lane.calls).toEqual([
      { call: 'follow', stream_id: id, after: { epoch: 'e1', seq: 4n } },
      { call: 'follow', stream_id: other, after: { epoch: 'e1', seq: 2n } },
    ]);
    expect(bench.stream(id)).toMatchObject({
      seq: 4n,
      chain: chainOf(id, events.slice(0, 4)),
      head: null,
      lag_events: null,
    });
    expect(bench.state().totals).toMatchObject({ stored: 6, applied: 0 });
    expect(bench.state().connection.lane).toBeNull();
    // The host repeats the last event and goes on.
    bench.lane.batch(events.slice(3));
    expect(bench.stream(id)).toMatchObject({ seq: 7n, chain: chainOf(id, events) });
    expect(bench.state().totals).toMatchObject({ applied: 3, duplicates: 1, conflicts: 0 });
  });
});

describe('a store that fails', () => {
  test('nothing is shown, an alarm says so, and the stream is read again until it is stored', async () => {
    let broken = false;
    await restart((store) =>
      Object.assign(Object.create(store) as CheckpointStore, {
        quarantined: () => store.quarantined(),
        commit: (changes: Parameters<CheckpointStore['commit']>[0]) => {
          if (broken) throw new CheckpointError('disk_full', 'The disk is full.');
          return store.commit(changes);
        },
        load: (streamId: string) => store.load(streamId),
        hashAt: (...args: Parameters<CheckpointStore['hashAt']>) => store.hashAt(...args),
        streams: () => store.streams(),
      }),
    );
    bench.pipeline.follow(id);
    const events = eventsOf(id, 1, 6);
    bench.lane.batch(events.slice(0, 2));
    broken = true;
    bench.lane.batch(events.slice(2, 4), 'live', 6n);
    bench.lane.batch(events.slice(4), 'live');
    expect(bench.stream(id).seq).toBe(2n);
    expect(bench.state().totals).toMatchObject({ applied: 2, gaps: 0 });
    expect(bench.acks).toHaveLength(1);
    expect(bench.alarms()).toEqual(['store_failed']);
    bench.ports.advance(1000);
    expect(bench.lane.callsOf('rewind', id)).toEqual([
      { call: 'rewind', stream_id: id, after: { epoch: 'e1', seq: 2n } },
    ]);
    broken = false;
    bench.lane.batch(events.slice(2));
    expect(bench.stream(id)).toMatchObject({ seq: 6n, chain: chainOf(id, events) });
    expect(bench.alarms()).toEqual([]);
  });

  test('while it refuses the floor of another epoch, nothing is blocked, and it begins anew once it takes it', async () => {
    let broken = true;
    await restart((store) =>
      Object.assign(Object.create(store) as CheckpointStore, {
        quarantined: () => store.quarantined(),
        commit: (changes: Parameters<CheckpointStore['commit']>[0]) => store.commit(changes),
        resetStream: (...args: Parameters<CheckpointStore['resetStream']>) => {
          if (broken) throw new CheckpointError('disk_full', 'The disk is full.');
          return store.resetStream(...args);
        },
        load: (streamId: string) => store.load(streamId),
        hashAt: (...args: Parameters<CheckpointStore['hashAt']>) => store.hashAt(...args),
        streams: () => store.streams(),
      }),
    );
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 2));
    const stale = () =>
      bench.lane.signal({
        ...{ type: 'stale', stream_id: id, reason: 'epoch_changed', floor: { epoch: 'e2', seq: 0n } },
        ...{ floor_chain: genesisChain(id), head: 9n },
      } as const);
    for (let seconds = 0; seconds < 120; seconds += 5) {
      bench.lane.head(id, 9, undefined, 'e2');
      stale();
      bench.ports.advance(5_000);
    }
    expect(bench.alarms()).toEqual(['store_failed']);
    expect(bench.stream(id)).toMatchObject({ seq: 2n });
    broken = false;
    stale();
    expect(bench.stream(id)).toMatchObject({ seq: 0n });
    expect(bench.alarms()).toEqual(['history_skipped']);
  });
});

describe('live but empty', () => {
  test('a live lane whose head runs ahead of the applied events is alarmed, and not before it had its time', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 2));
    goLive(bench.lane);
    bench.lane.head(id, 5);
    bench.ports.advance(9000);
    expect(bench.alarms()).toEqual([]);
    bench.ports.advance(3000);
    expect(bench.alarms()).toEqual(['live_but_empty']);
    bench.lane.batch(eventsOf(id, 3, 5), 'live');
    bench.ports.advance(1000);
    expect(bench.alarms()).toEqual([]);
  });

  test('progress starts the time anew, and a lane that is not live has its own state', () => {
    bench.pipeline.follow(id);
    goLive(bench.lane);
    bench.lane.head(id, 50);
    for (let seq = 1; seq <= 5; seq += 1) {
      bench.ports.advance(8000);
      bench.lane.batch(eventsOf(id, seq, seq), 'live', 50n);
    }
    expect(bench.alarms()).toEqual([]);
    bench.lane.go('backoff', 'network');
    bench.ports.advance(60_000);
    expect(bench.alarms()).toEqual([]);
  });

  test('a stream whose head is never named is not taken for caught up', () => {
    bench.pipeline.follow(id);
    goLive(bench.lane);
    expect(bench.state().lag).toEqual({ events: null, seconds: null });
    bench.ports.advance(12_000);
    expect(bench.alarms()).toEqual(['live_but_empty']);
  });
});

describe('streams that end', () => {
  test('a closed stream is shown with its reason and takes no part in the lag; a new grant opens it again', () => {
    bench.pipeline.follow(id);
    bench.pipeline.follow(other);
    goLive(bench.lane);
    bench.lane.batch(eventsOf(id, 1, 2), 'live', 9n);
    bench.lane.head(other, 0);
    bench.lane.signal({ type: 'stream-closed', stream_id: id, code: 'forbidden', message: 'The grant was revoked.' });
    expect(bench.stream(id)).toMatchObject({ state: 'closed', note: 'forbidden: The grant was revoked.' });
    expect(bench.alarms()).toEqual(['stream_closed']);
    expect(bench.state().lag.events).toBe(0n);
    bench.lane.batch(eventsOf(id, 3, 4), 'live');
    expect(bench.stream(id).seq).toBe(2n);
    bench.pipeline.follow(id);
    expect(bench.lane.calls.at(-1)).toEqual({ call: 'follow', stream_id: id, after: { epoch: 'e1', seq: 2n } });
    bench.lane.batch(eventsOf(id, 3, 4), 'live');
    expect(bench.stream(id).seq).toBe(4n);
    expect(bench.alarms()).toEqual([]);
  });

  test('a stream that was retired is asked for again while it is granted, and read on once it exists anew', () => {
    const asked = () => bench.lane.callsOf('follow', id).length;
    const retired = () =>
      bench.lane.signal({ type: 'stream-closed', stream_id: id, code: 'unknown_stream', message: 'retired' });
    bench.pipeline.granted([id]);
    goLive(bench.lane);
    bench.lane.batch(eventsOf(id, 1, 2), 'live');
    retired();
    bench.ports.advance(60_000);
    expect(asked()).toBeGreaterThan(1);
    // Asked, and still not there: nothing moves, nobody is told that it is well.
    const since = bench.state().alarms[0]?.since;
    retired();
    bench.ports.advance(60_000);
    expect(bench.state().alarms.map(({ code, since: at }) => [code, at])).toEqual([['stream_closed', since]]);
    expect(bench.stream(id).state).toBe('closed');
    const floor = { epoch: 'e2', seq: 0n };
    const chain = genesisChain(id);
    bench.lane.signal({ type: 'stale', stream_id: id, reason: 'epoch_changed', floor, floor_chain: chain, head: 2n });
    bench.lane.batch(eventsOf(id, 1, 2, { epoch: 'e2' }), 'replay');
    expect(bench.stream(id)).toMatchObject({ epoch: 'e2', seq: 2n });
    expect(bench.alarms()).toEqual(['history_skipped']);
    const then = asked();
    bench.ports.advance(60_000);
    expect(asked()).toBe(then);
  });

  test('a closed stream without a grant is not asked for again, nor one while there is no connection', () => {
    const asked = () => bench.lane.callsOf('follow', id).length;
    bench.pipeline.granted([id, other]);
    goLive(bench.lane);
    bench.lane.signal({ type: 'stream-closed', stream_id: id, code: 'forbidden', message: 'revoked' });
    bench.pipeline.granted([other]);
    bench.ports.advance(60_000);
    expect(asked()).toBe(1);
    bench.lane.go('backoff');
    bench.pipeline.granted([id, other]);
    const then = asked();
    bench.ports.advance(60_000);
    expect(asked()).toBe(then);
  });

  test('a stream that ends while the store fails is not read again behind its back', async () => {
    let broken = true;
    await restart((store) =>
      Object.assign(Object.create(store) as CheckpointStore, {
        quarantined: () => store.quarantined(),
        commit: (changes: Parameters<CheckpointStore['commit']>[0]) => {
          if (broken) throw new CheckpointError('disk_full', 'The disk is full.');
          return store.commit(changes);
        },
        load: (streamId: string) => store.load(streamId),
        hashAt: (...args: Parameters<CheckpointStore['hashAt']>) => store.hashAt(...args),
        streams: () => store.streams(),
      }),
    );
    bench.pipeline.follow(id);
    goLive(bench.lane);
    bench.lane.batch(eventsOf(id, 1, 2), 'live');
    bench.lane.signal({ type: 'stream-closed', stream_id: id, code: 'forbidden', message: 'revoked' });
    broken = false;
    bench.ports.advance(60_000);
    expect(bench.lane.callsOf('rewind', id)).toEqual([]);
    // Granted again: what could not be stored then is stored now, at once.
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 1, 2), 'live');
    expect(bench.stream(id).seq).toBe(2n);
    expect(bench.alarms()).toEqual([]);
  });

  test('closing leaves no timer, no listener and no stream behind', () => {
    bench.pipeline.follow(id);
    bench.lane.batch(eventsOf(id, 3, 4));
    const before = bench.lane.listeners;
    bench.pipeline.close();
    expect(bench.ports.pending).toBe(0);
    expect(bench.lane.listeners).toBe(before - 1);
    expect(bench.state().streams).toEqual([]);
  });
});
