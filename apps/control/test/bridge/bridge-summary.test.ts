import type { FromBridge } from '@autopilot/nostr-bridge';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { bridgeSummary } from '../../src/bridge/bridge-summary.ts';
import { noteLastWord } from '../../src/bridge/last-word.ts';
import { asStatus, asThePageReadsIt, bridgeScene, endedScene, silentScene } from '../support/bridge-scenes.ts';

const now = 1_800_000_000_000;
const unknown = { relays: null, relays_open: null, pending: null, dead: null, jobs_open: null, lane_live: null };

describe('the summary of the bridge', () => {
  test('B1: numbers the relays, the deliveries and the open jobs of others', () => {
    expect(bridgeSummary(asStatus(bridgeScene(now)))).toEqual({
      ...{ state: 'running', relays: 3, relays_open: 1, pending: 535, dead: 4, jobs_open: 5, lane_live: true },
      as_of: now,
    });
    expect(asThePageReadsIt(asStatus(silentScene))).toBe(silentScene);
  });

  test('B1: without a bridge, and before its first word, nothing is known and nothing is zero', () => {
    expect(bridgeSummary(undefined)).toEqual({ state: 'none', ...unknown, as_of: null });
    expect(bridgeSummary(asStatus(silentScene))).toEqual({ state: 'starting', ...unknown, as_of: null });
  });

  test('B1, B2: a process that is gone has no connection, and the rest is as of its last word', () => {
    expect(bridgeSummary(asStatus(endedScene(now)))).toEqual({
      ...{ state: 'waiting', relays: 3, relays_open: 0, pending: 535, dead: 4, jobs_open: 5, lane_live: false },
      as_of: now - 310_000,
    });
  });

  test('B2: of the next process no connection is known until it has said so', () => {
    for (const state of ['starting', 'running'] as const) {
      const summary = bridgeSummary(asStatus(bridgeScene(now, { state, present: false })));
      expect(summary).toMatchObject({ state, relays: 3, relays_open: null, lane_live: null, as_of: now });
    }
    const away = { session: 'backoff', last_error: undefined, kinds: [], waiting: 0 };
    expect(bridgeSummary(asStatus(bridgeScene(now, { lane: away }))).lane_live).toBe(false);
    expect(bridgeSummary(asStatus(bridgeScene(now, { lane: undefined }))).lane_live).toBeNull();
  });
});

describe('the last word of the bridge', () => {
  const beat = { type: 'beat' } as FromBridge;

  test('B2: is of the newest process until that ends and another one begins', () => {
    const ports = manualPorts();
    const processes: { said(message: FromBridge): void; ended(reason: string): void }[] = [];
    const heard: string[] = [];
    const noted = noteLastWord((handlers) => {
      processes.push(handlers);
      return { send: () => {}, terminate: async () => {} };
    }, ports.clock);
    const begin = () =>
      noted.spawn({ said: ({ type }) => void heard.push(type), ended: (reason) => void heard.push(reason) });
    expect(noted.lastWord()).toEqual({ as_of: null, is_of_newest: false });
    begin();
    processes[0]?.said({ type: 'ready' });
    expect(noted.lastWord()).toEqual({ as_of: null, is_of_newest: false });
    processes[0]?.said(beat);
    const first = ports.clock.now();
    expect(noted.lastWord()).toEqual({ as_of: first, is_of_newest: true });
    ports.advance(5_000);
    processes[0]?.ended('gone');
    begin();
    processes[0]?.said(beat);
    expect(noted.lastWord()).toEqual({ as_of: first, is_of_newest: false });
    processes[1]?.said(beat);
    expect(noted.lastWord()).toEqual({ as_of: first + 5_000, is_of_newest: true });
    expect(heard).toEqual(['ready', 'beat', 'gone', 'beat', 'beat']);
  });
});
