import { waitFor } from '@autopilot/testing';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createNullRun } from '../../src/comms/null-run.ts';
import { cutoverControl } from '../support/cutover-control.ts';
import { memoryLog } from '../support/memory-log.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { eventsOf, ScriptedLane } from '../support/scripted-lane.ts';
import { startTwoLanes, type TwoLaneDesktop } from '../support/two-lane-desktop.ts';

const id = 'runtime.run.1.events';

interface Sent {
  readonly unit: string;
  readonly window: { readonly pair: string; readonly from: number; readonly counts: Record<string, number> };
}

/** A first reader, watched, and the second ones that it brought about. */
function bench() {
  const ports = manualPorts();
  const seconds: ScriptedLane[] = [];
  const sent: Sent[] = [];
  let status = 202;
  const run = createNullRun({
    ...{ lane: 'spacetime', ports, log: memoryLog(), unit: 'u-1', everyMs: 100, why: () => 'not decided' },
    ask: async (_method, _path, body) => {
      sent.push(body as Sent);
      return { status, json: {} };
    },
    open: () => {
      const lane = new ScriptedLane();
      seconds.push(lane);
      return lane;
    },
  });
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const advance = async (milliseconds: number) => {
    for (let gone = 0; gone < milliseconds; gone += 50) {
      ports.advance(50);
      await settle();
    }
  };
  return {
    ...{ ports, run, seconds, sent, advance },
    answer: (next: number) => {
      status = next;
    },
    second: () => {
      const lane = seconds.at(-1);
      if (lane === undefined) throw new Error('no second reader was opened');
      return lane;
    },
  };
}

const watched = (it: ReturnType<typeof bench>) => {
  const first = new ScriptedLane();
  const lane = it.run.watch(first);
  lane.start();
  lane.follow(id, null);
  goLive(first);
  goLive(it.second());
  return { first, lane };
};

describe('the null run', () => {
  test('H16: reads the same streams from the same places, and finds two equal readers equal', async () => {
    const it = bench();
    it.run.start();
    const { first, lane } = watched(it);
    expect(it.second().started).toBe(true);
    expect(it.second().callsOf('follow', id)).toEqual([{ call: 'follow', stream_id: id, after: null }]);
    for (const reader of [first, it.second()]) reader.batch(eventsOf(id, 1, 20), 'live');
    // What the apply path reads again is no difference of the lane.
    lane.rewind(id, { epoch: 'e1', seq: 10n });
    first.batch(eventsOf(id, 11, 20), 'replay');
    await it.advance(20_000);
    expect(it.run.state()).toMatchObject({
      ...{ lane: 'spacetime', pair: 'spacetime/spacetime', running: true, reason: null, second: 'live' },
      counts: { match: 20, mismatch: 0, missing_left: 0, missing_right: 0, extra: 0, reordered: 0 },
    });
    expect(it.sent[0]).toMatchObject({ unit: 'u-1', window: { pair: 'spacetime/spacetime', counts: { match: 20 } } });
    expect(it.second().acks).toEqual([]);
  });

  test('H16: finds what one reader did not get, got otherwise, or got twice', async () => {
    const it = bench();
    const { first } = watched(it);
    first.batch(eventsOf(id, 1, 10), 'live');
    it.second().batch(eventsOf(id, 1, 3), 'live');
    it.second().batch(eventsOf(id, 4, 4, { salt: ' bent' }), 'live');
    it.second().batch(eventsOf(id, 6, 10), 'live');
    it.second().batch(eventsOf(id, 10, 10), 'live');
    await it.advance(20_000);
    expect(it.run.state().counts).toMatchObject({ match: 8, mismatch: 1, missing_right: 1, extra: 1 });
  });

  test('H16: what a reader cannot bring while it is down is not missing', async () => {
    const it = bench();
    const { first } = watched(it);
    it.second().go('backoff');
    first.batch(eventsOf(id, 1, 10), 'live');
    await it.advance(60_000);
    expect(it.run.state().counts).toMatchObject({ match: 0, missing_right: 0 });
    goLive(it.second());
    it.second().batch(eventsOf(id, 1, 10), 'replay');
    await it.advance(20_000);
    expect(it.run.state().counts).toMatchObject({ match: 10, missing_right: 0, late: 0 });
  });

  test('H16: a second reader that fails, or a listener of it that throws, does not reach the first one', async () => {
    const it = bench();
    const { first, lane } = watched(it);
    const heard: string[] = [];
    lane.listen((signal) => void heard.push(signal.type));
    it.second().follow = () => {
      throw new Error('the second reader is broken');
    };
    lane.follow('runtime.run.2.events', null);
    first.batch(eventsOf('runtime.run.2.events', 1, 2), 'live');
    expect(first.callsOf('follow', 'runtime.run.2.events')).toHaveLength(1);
    expect(heard).toEqual(['batch']);
  });

  test('H16: ends with the lane, begins with the next one, and leaves nothing behind', async () => {
    const it = bench();
    it.run.start();
    const { lane } = watched(it);
    const old = it.second();
    await lane.close();
    expect([old.closed, it.run.state()]).toMatchObject([true, { running: false, reason: 'not decided', second: null }]);
    const { first } = watched(it);
    expect(it.seconds).toHaveLength(2);
    old.batch(eventsOf(id, 1, 5), 'live');
    first.batch(eventsOf(id, 1, 5), 'live');
    it.second().batch(eventsOf(id, 1, 5), 'live');
    await it.advance(20_000);
    expect(it.run.state().counts).toMatchObject({ match: 5, extra: 0, mismatch: 0 });
    await it.run.close();
    expect([it.second().closed, it.ports.pending]).toEqual([true, 0]);
  });

  test('H16: a window that control did not take is told again, the very same, and what waits is one window', async () => {
    const it = bench();
    it.run.start();
    it.answer(503);
    const { first } = watched(it);
    const bring = (from: number, to: number) => {
      for (const reader of [first, it.second()]) reader.batch(eventsOf(id, from, to), 'live');
    };
    bring(1, 5);
    await it.advance(1000);
    bring(6, 9);
    await it.advance(1000);
    bring(10, 12);
    await it.advance(2000);
    expect(it.sent.length).toBeGreaterThan(2);
    expect(new Set(it.sent.map(({ window }) => JSON.stringify(window))).size).toBe(1);
    expect(it.run.state()).toMatchObject({ told: 0, error: 'Control answered 503 to a window of the null run.' });
    it.answer(202);
    const before = it.sent.length;
    await it.advance(5000);
    expect(it.sent.slice(before).map(({ window }) => window.counts.match)).toEqual([5, 7]);
    expect(it.run.state()).toMatchObject({ told: 2, error: null });
  });

  test('H16: a stream that the second reader cannot read is asked for again, and compared from there', async () => {
    const it = bench();
    const { first } = watched(it);
    it.second().signal({ type: 'stream-closed', stream_id: id, code: 'unknown_stream', message: 'not yet' });
    first.batch(eventsOf(id, 1, 4), 'live');
    await it.advance(6000);
    expect(it.second().callsOf('follow', id).at(-1)).toMatchObject({ after: { epoch: 'e1', seq: 4n } });
    for (const reader of [first, it.second()]) reader.batch(eventsOf(id, 5, 6), 'live');
    await it.advance(20_000);
    expect(it.run.state().counts).toMatchObject({ match: 2, missing_left: 0, missing_right: 0 });
  });
});

describe('a desktop with a null run', () => {
  const running: TwoLaneDesktop[] = [];
  afterEach(async () => {
    for (const desktop of running.splice(0)) await desktop.end();
  });
  const start = async (over: Parameters<typeof startTwoLanes>[0]) => {
    const desktop = await startTwoLanes(over);
    running.push(desktop);
    return desktop;
  };
  const nullRun = ({ desktop }: TwoLaneDesktop) => desktop.state().comms?.null_run;

  test('H16: reads spacetime twice with a token of its own, and tells control under the name of the pair', async () => {
    const two = await start({ nullRun: 'spacetime' });
    const [first, second] = two.spacetime[0]?.started === true ? two.spacetime : two.spacetime.toReversed();
    if (first === undefined || second === undefined) throw new Error('spacetime is read twice in Stage 0');
    const asked = two.control.asked.filter((path) => path === '/v1/sync/token').length;
    await Promise.all([first.askToken(), second.askToken()]);
    expect(two.control.asked.filter((path) => path === '/v1/sync/token')).toHaveLength(asked + 2);
    for (const lane of two.spacetime) lane.grant(id);
    for (const lane of [...two.spacetime, ...two.khala]) {
      goLive(lane);
      lane.batch(eventsOf(id, 1, 6), 'live');
    }
    await waitFor(() => nullRun(two)?.counts.match === 6, { describe: 'the counts' });
    await waitFor(() => two.control.windows.length > 0, { describe: 'a window' });
    expect(two.control.windows[0]).toMatchObject({
      unit: two.desktop.state().comms?.unit,
      window: { pair: 'spacetime/spacetime', counts: { match: 6, mismatch: 0 } },
    });
    // The comparison of the lanes goes on as without it.
    expect(two.desktop.state()).toMatchObject({ totals: { applied: 6, duplicates: 0 }, connection: { lane: 'khala' } });
  });

  test('H8 H16: opens no khala in Stage 3, nor in Stage 2 without a sample, and says that it does not run', async () => {
    for (const stage of [2, 3] as const) {
      const two = await start({ cutover: cutoverControl({ stage }), nullRun: 'khala' });
      expect([two.khala.length, nullRun(two)]).toMatchObject([
        0,
        { running: false, reason: `khala is not open here (S${stage}.1)`, second: null },
      ]);
    }
  });

  test('H16: of khala is refused where khala cannot be opened at all', async () => {
    const refused = { code: 'null_run_refused', recovery: 'ask-user' };
    await expect(start({ nullRun: 'khala', khala: undefined })).rejects.toMatchObject(refused);
    const bare = { nullRun: 'khala', comms: { loadKhala: async () => null } } as const;
    await expect(start(bare)).rejects.toMatchObject(refused);
  });
});
