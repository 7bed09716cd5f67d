import type { HttpClient } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { createBridgeWatch } from '../../src/bridge/bridge-watch.ts';
import { createAskControl } from '../../src/comms/control-client.ts';
import { updateStandingAlarms } from '../../src/view-model/standing-alarms.ts';
import { ViewModel } from '../../src/view-model/view-model.ts';
import { bridgeSummary, noBridge } from '../support/bridge-summaries.ts';

const unknown = { summary: null, at: null };
const facts = { attempts: 0, next_retry_ms: null, protocol: null, identity: null, database: null, uri: null };
const said = (status: number, body: unknown) => async () => ({ status, headers: {}, body: JSON.stringify(body) });

/** A watch whose control answers as a test says. */
function bench(first: HttpClient = said(200, bridgeSummary())) {
  const ports = manualPorts();
  const asked: number[] = [];
  let changes = 0;
  let answer = first;
  const access = { ports, control: 'http://control.test', clientId: 'desktop', clientSecret: 'secret' };
  const ask = createAskControl({
    ...access,
    http: (request) => {
      expect([request.method, request.url]).toEqual(['GET', 'http://control.test/v1/bridge/summary']);
      asked.push(ports.clock.monotonic());
      return answer(request);
    },
  });
  const watch = createBridgeWatch({
    ...{ ports, ask },
    changed: () => {
      changes += 1;
    },
  });
  const answerWith = (next: HttpClient) => {
    answer = next;
  };
  return { ports, watch, asked, changes: () => changes, answerWith };
}

describe('the watch over the bridge of control', () => {
  test('B1: asks at the start and then every half a minute, and shows what control says', async () => {
    const { ports, watch, asked, changes } = bench();
    expect([watch.state(), asked, ports.pending]).toEqual([unknown, [], 0]);
    watch.start();
    watch.start();
    await ports.advanceAsync(0);
    expect(watch.state()).toEqual({ summary: bridgeSummary(), at: ports.clock.now() });
    await ports.advanceAsync(300_000);
    const gaps = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
    expect(gaps.length).toBeGreaterThanOrEqual(9);
    for (const gap of gaps) expect(gap > 27_000 && gap <= 33_000).toBe(true);
    expect(changes()).toBe(asked.length);
  });

  test.each<[string, HttpClient]>([
    ['an older control', said(404, { code: 'not_found' })],
    ['a control that refuses', said(403, { code: 'forbidden' })],
    ['a control that cannot answer', said(503, bridgeSummary())],
    ['no JSON', async () => ({ status: 200, headers: {}, body: '<html>' })],
    ['nothing', said(200, null)],
    ['another state', said(200, { ...bridgeSummary(), state: 'flying' })],
    ['a missing number', said(200, { ...bridgeSummary(), dead: undefined })],
    ['no number', said(200, { ...bridgeSummary(), pending: '3' })],
    ['a number that cannot be', said(200, { ...bridgeSummary(), relays: -1 })],
    ['nobody', () => Promise.reject(new TypeError('fetch failed'))],
    [
      'a client that throws',
      () => {
        throw new TypeError('no such host');
      },
    ],
  ])('B1: after %s it is not known, and is asked for again', async (_name, other) => {
    const { ports, watch, asked, answerWith } = bench();
    watch.start();
    await ports.advanceAsync(0);
    expect(watch.state().summary?.state).toBe('running');
    answerWith(other);
    await ports.advanceAsync(33_000);
    expect([watch.state(), asked.length]).toEqual([unknown, 2]);
    answerWith(said(200, noBridge));
    await ports.advanceAsync(33_000);
    expect([watch.state().summary, asked.length]).toEqual([noBridge, 3]);
  });

  test('B1: nothing of an answer is kept but what is shown', async () => {
    const { ports, watch } = bench(said(200, { ...bridgeSummary(), url: 'wss://relay.example' }));
    watch.start();
    await ports.advanceAsync(0);
    expect(watch.state().summary).toEqual(bridgeSummary());
  });

  test('B1: a control that hangs is given up, and never asked twice at a time', async () => {
    let ended = 0;
    const { ports, watch, asked } = bench(
      ({ signal }) =>
        new Promise(() => {
          signal?.addEventListener('abort', () => {
            ended += 1;
          });
        }),
    );
    watch.start();
    await ports.advanceAsync(7_900);
    expect([asked.length, ended, ports.pending]).toEqual([1, 0, 1]);
    await ports.advanceAsync(200);
    expect([asked.length, ended, watch.state()]).toEqual([1, 1, unknown]);
    await ports.advanceAsync(33_000);
    expect(asked).toHaveLength(2);
  });

  test('B2: after its end nothing is asked and nothing is told, whatever is under way', async () => {
    const { ports, watch, asked, changes } = bench();
    watch.start();
    await ports.advanceAsync(0);
    watch.close();
    expect(ports.pending).toBe(0);
    await ports.advanceAsync(120_000);
    expect([asked.length, changes()]).toEqual([1, 1]);

    let answer = () => {};
    const other = bench(
      () =>
        new Promise((resolve) => {
          answer = () => void said(200, bridgeSummary())().then(resolve);
        }),
    );
    other.watch.start();
    other.watch.close();
    answer();
    await other.ports.advanceAsync(120_000);
    expect([other.watch.state(), other.changes(), other.ports.pending]).toEqual([unknown, 0, 0]);
    other.watch.start();
    expect(other.asked).toHaveLength(1);
  });

  test('B2: whatever it says, the rest of the view and its alarms are the same', () => {
    const pictures = [noBridge, bridgeSummary({ state: 'waiting', dead: 900, lane_live: false }), null].map(
      (summary) => {
        const view = new ViewModel({
          ...{ clock: manualPorts().clock, lane: () => facts, token: () => null, feed: () => null },
          boot: { pid: 1, started_at: 0, build: 'b', environment: 'test' },
          bridge: () => ({ summary, at: null }),
        });
        updateStandingAlarms(view, view.snapshot());
        const { bridge, ...rest } = view.snapshot();
        expect(bridge?.summary).toBe(summary);
        return rest;
      },
    );
    expect(pictures[1]).toEqual(pictures[0]);
    expect(pictures[2]).toEqual(pictures[0]);
  });
});
