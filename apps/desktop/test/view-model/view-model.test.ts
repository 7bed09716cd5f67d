import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createFeedWatch } from '../../src/view-model/feed-watch.ts';
import { createHistory } from '../../src/view-model/history.ts';
import { createSampleWindow } from '../../src/view-model/sample-window.ts';
import { updateStandingAlarms } from '../../src/view-model/standing-alarms.ts';
import { stateJson } from '../../src/view-model/state-json.ts';
import { type AppliedBatch, ViewModel, type ViewSources } from '../../src/view-model/view-model.ts';
import { eventsOf } from '../support/scripted-lane.ts';

const id = 'runtime.run.1.events';
const facts = { attempts: 0, next_retry_ms: null, protocol: null, identity: null, database: null, uri: null };

function newView(over: Partial<ViewSources> = {}) {
  const ports = manualPorts();
  const view = new ViewModel({
    ...{ clock: ports.clock, lane: () => facts, token: () => null, feed: () => null },
    boot: { pid: 1, started_at: 0, build: 'b', environment: 'test' },
    ...over,
  });
  const apply = (from: number, to: number, source: AppliedBatch['source'], at: (seq: number) => number = () => 0) =>
    view.applied({
      ...{ lane: 'spacetime', stream_id: id, source, events: eventsOf(id, from, to, { at }) },
      position: { epoch: 'e1', seq: BigInt(to), chain: 'c' },
    });
  const go = (from: 'idle' | 'live' | 'replaying', to: 'replaying' | 'live' | 'backoff') =>
    view.laneState({ type: 'state', from, to, reason: 'test' });
  return { ports, view, apply, go };
}

describe('the sample window', () => {
  test('percentiles are the nearest rank of the newest samples', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 100 }),
        (samples, percent) => {
          const window = createSampleWindow(20);
          for (const sample of samples) window.add(sample);
          const sorted = samples.slice(-20).sort((a, b) => a - b);
          const expected = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] ?? null;
          expect(window.percentile(percent)).toBe(expected);
          expect(window.size).toBe(sorted.length);
        },
      ),
    );
  });

  test('without samples there is no percentile, and what is no number is no sample', () => {
    const window = createSampleWindow(4);
    window.add(Number.NaN);
    window.add(Number.POSITIVE_INFINITY);
    expect(window.percentile(50)).toBeNull();
    expect(window.size).toBe(0);
  });
});

describe('the history', () => {
  test('keeps the newest steps, with holes where the lag was not known', () => {
    const history = createHistory(1000, 3, 0);
    for (let step = 1; step <= 4; step += 1) {
      history.countApplied(step);
      history.step(step * 1000, step === 3 ? null : step);
    }
    expect(history.snapshot()).toEqual({ step_ms: 1000, until: 4000, applied: [2, 3, 4], lag: [2, null, 4] });
  });

  test('the rate is over the time that has really gone by', () => {
    const history = createHistory(1000, 10, 0);
    history.countApplied(10);
    history.step(1000, 0);
    history.countApplied(20);
    expect(history.rate(1500, 3)).toBe(20);
    expect(createHistory(1000, 10, 0).rate(0, 3)).toBe(0);
  });
});

describe('the lane of the last event', () => {
  test('is none before the first event, and then the one that brought it', () => {
    const { view, apply, go } = newView();
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    go('idle', 'live');
    expect(view.snapshot().connection.lane).toBeNull();
    apply(1, 1, 'live');
    expect(view.snapshot().connection.lane).toBe('spacetime');
    view.applied({
      ...{ lane: 'khala', stream_id: id, source: 'live', events: eventsOf(id, 2, 2) },
      position: { epoch: 'e1', seq: 2n, chain: 'c' },
    });
    expect(view.snapshot().connection.lane).toBe('khala');
  });
});

describe('latency', () => {
  test('stands on live events only, and is unknown without them', () => {
    const { view, apply, ports } = newView();
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    apply(1, 50, 'replay', () => ports.clock.now() - 9_000_000);
    expect(view.snapshot().latency).toEqual({ p50_ms: null, p99_ms: null, samples: 0, skewed: 0 });
    apply(51, 150, 'live', (seq) => ports.clock.now() - (seq - 50));
    expect(view.snapshot().latency).toEqual({ p50_ms: 50, p99_ms: 99, samples: 100, skewed: 0 });
  });

  test('events from the future are left out and raise an alarm until the clocks agree', () => {
    const { view, apply, ports } = newView();
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    apply(1, 1, 'live', () => ports.clock.now() + 60_000);
    expect(view.snapshot().latency).toMatchObject({ p50_ms: null, samples: 0, skewed: 1 });
    expect(view.snapshot().alarms.map(({ code }) => code)).toEqual(['clock_skew']);
    apply(2, 2, 'live', () => ports.clock.now() - 4);
    expect(view.snapshot().alarms).toEqual([]);
    expect(view.snapshot().latency).toMatchObject({ p50_ms: 4, samples: 1 });
  });
});

describe('lag', () => {
  test('is unknown while one head is unknown, then counted, then zero', () => {
    const { view, apply, ports } = newView();
    expect(view.snapshot().lag).toEqual({ events: null, seconds: null });
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    view.follow('runtime.other', { epoch: '', seq: 0n, chain: 'c' });
    view.head(id, 3n);
    expect(view.snapshot().lag.events).toBeNull();
    view.head('runtime.other', 0n);
    expect(view.snapshot().lag).toEqual({ events: 3n, seconds: null });
    apply(1, 3, 'replay');
    expect(view.snapshot().lag).toEqual({ events: 0n, seconds: 0 });
    view.head(id, 5n);
    ports.advance(2500);
    expect(view.snapshot().lag).toEqual({ events: 2n, seconds: 2.5 });
    expect(view.snapshot().streams[0]).toMatchObject({ stream_id: 'runtime.other', lag_seconds: 0, state: 'level' });
    expect(view.snapshot().streams[1]).toMatchObject({ lag_events: 2n, lag_seconds: 2.5, state: 'behind' });
  });

  test('a lost connection makes every head old: nothing is called level any more', () => {
    const { view, apply, ports, go } = newView();
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    apply(1, 2, 'live');
    view.head(id, 2n);
    go('live', 'backoff');
    ports.advance(4000);
    const state = view.snapshot();
    expect(state.lag).toEqual({ events: null, seconds: 4 });
    expect(state.streams[0]).toMatchObject({ head: 2n, head_current: false, lag_events: null, state: 'following' });
  });
});

describe('replay', () => {
  test('counts what is done and what is still known to be missing, and keeps a cut as a cut', () => {
    const { view, apply, ports, go } = newView();
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    go('idle', 'replaying');
    view.head(id, 100n);
    apply(1, 40, 'replay');
    ports.advance(2000);
    view.tick();
    expect(view.snapshot().replay).toMatchObject({ active: true, done: 40, total: 100 });
    expect(view.snapshot().replay.rate).toBeGreaterThan(0);
    go('replaying', 'backoff');
    expect(view.snapshot().replay).toMatchObject({ active: false, done: 40, total: 100, rate: null });
    go('idle', 'replaying');
    view.head(id, 100n);
    apply(41, 100, 'replay');
    go('replaying', 'live');
    expect(view.snapshot().replay).toMatchObject({ active: false, done: 60, total: 60 });
  });
});

describe('snapshots', () => {
  test('are never changed after they were made, and their version rises with every change', () => {
    const { view, apply, go } = newView();
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    const before = view.snapshot();
    const copy = structuredClone(before);
    go('idle', 'replaying');
    apply(1, 9, 'replay');
    view.raise('lane_failed', 'x');
    view.tick();
    expect(before).toEqual(copy);
    expect(view.snapshot().version).toBeGreaterThan(before.version);
  });

  test('carry every sequence as text in JSON, also beyond 2^53', () => {
    const { view } = newView();
    view.follow(id, { epoch: 'e', seq: 2n ** 60n, chain: 'c' }, 3);
    const state = JSON.parse(stateJson(view.snapshot())) as { streams: { seq: string }[]; totals: object };
    expect(state.streams[0]?.seq).toBe('1152921504606846976');
    expect(state.totals).toMatchObject({ stored: 3 });
  });

  test('remember the last 200 transitions', () => {
    const { view } = newView();
    for (let index = 0; index < 250; index += 1) {
      view.laneState({ type: 'state', from: 'backoff', to: 'authenticating', reason: `r${index}` });
    }
    const { transitions, connection } = view.snapshot();
    expect(transitions).toHaveLength(200);
    expect(transitions[0]?.reason).toBe('r50');
    expect(connection.reason).toBe('r249');
  });

  test('a topic is shown only where the id was made of one', () => {
    const { view } = newView();
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    view.follow('something else', { epoch: '', seq: 0n, chain: 'c' });
    expect(view.snapshot().streams.map(({ topic }) => topic)).toEqual(['run:1:events', null]);
  });
});

describe('standing alarms', () => {
  test('follow the state: raised while it lasts, gone with it', () => {
    let expires = 0;
    let dead = 0;
    const { view, ports } = newView({
      token: () => ({ issued_at: 0, refresh_after: 0, expires_at: expires }),
      feed: () => ({
        ...{ kind: 'recorded', agent: 'a', state: 'running', published: 0, pending: 0, dead },
        ...{ last_error: 'too large', approvals: null, notes: [], chains: [] },
      }),
    });
    const codes = () => {
      updateStandingAlarms(view, view.snapshot());
      return view.snapshot().alarms.map(({ code }) => code);
    };
    expires = ports.clock.now() + 1000;
    expect(codes()).toEqual([]);
    view.laneState({
      type: 'state',
      from: 'authenticating',
      to: 'needs-auth',
      reason: 'token_refused',
      message: 'wrong',
    });
    dead = 2;
    ports.advance(1000);
    expect(codes()).toEqual(['needs_auth', 'token_expired', 'feed_refused']);
    expect(view.snapshot().alarms[0]?.message).toContain('token_refused: wrong');
    view.laneState({ type: 'state', from: 'needs-auth', to: 'failed', reason: 'database_not_found' });
    dead = 0;
    expires = ports.clock.now() + 1000;
    expect(codes()).toEqual(['lane_failed']);
  });
});

describe('the feed watch', () => {
  test('alarms when published events do not come back for half a minute, and not while any do', () => {
    const chain = { stream_id: id, count: 5n, chain: 'c' };
    const { view, ports, apply, go } = newView({
      feed: () => ({
        ...{ kind: 'recorded', agent: 'a', state: 'idle', published: 5, pending: 0, dead: 0, last_error: null },
        ...{ approvals: null, notes: [], chains: [chain] },
      }),
    });
    const watch = createFeedWatch(view, ports.clock);
    const after = (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        ports.advance(1000);
        watch.look(view.snapshot());
      }
      return view.snapshot().alarms.map(({ message }) => message);
    };
    view.follow(id, { epoch: '', seq: 0n, chain: 'c' });
    expect(after(60)).toEqual([]);
    go('idle', 'live');
    apply(1, 1, 'live');
    expect(after(29)).toEqual([]);
    apply(2, 2, 'live');
    expect(after(29)).toEqual([]);
    expect(after(3)).toEqual(['3 published events do not come back, although the lane is live.']);
    apply(3, 5, 'live');
    expect(after(1)).toEqual([]);
    expect(after(60)).toEqual([]);
  });
});
