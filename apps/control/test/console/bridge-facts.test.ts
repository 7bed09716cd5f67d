import { describe, expect, test } from '@jest/globals';
import { formatBytes } from '../../console/src/format.ts';
import * as facts from '../../console/src/live/bridge-facts.ts';
import { bridgeScene, endedScene, longRelay, silentScene } from '../support/bridge-scenes.ts';

const now = 1_800_000_000_000;
const scene = bridgeScene(now);
const word = scene.bridge;
if (word === undefined) throw new Error('the scene has no word');

describe('what the console makes of the bridge', () => {
  test('B2: each relay has its own deliveries; those on their way are pending, and what is not connected is not good', () => {
    const rows = facts.relayFacts(word.relays, word, true);
    expect(rows.map(({ relay, ...row }) => [relay.url, Object.values(row)])).toEqual([
      ['wss://relay-one.example', ['connected', 'good', 10_412, 0, 3, 0]],
      [longRelay, ['not connected', 'warn', 9_874, 7, 531, 4]],
      ['wss://relay-three.example/path', ['connecting', 'busy', 0, 0, 0, 0]],
    ]);
  });

  test('B2: of a process that is over no relay is connected and no kind is announced', () => {
    const rows = facts.relayFacts(word.relays, word, false);
    expect(rows.map((row) => [row.word, row.tone])).toEqual([
      ['was connected', 'idle'],
      ['was not connected', 'idle'],
      ['was connecting', 'idle'],
    ]);
    expect(facts.announcedKinds(endedScene(now))).toBeNull();
  });

  test('a process that runs is good only with a live session and a relay that is connected', () => {
    expect(facts.processWord(scene)).toEqual(['running', 'good']);
    const away = { session: 'backoff', kinds: [], waiting: 0 };
    const none = { ...word, relays: word.relays.filter(({ state }) => state !== 'open') };
    for (const over of [{ lane: away }, { lane: undefined }, { bridge: none }, { bridge: undefined }]) {
      expect(facts.processWord(bridgeScene(now, over))).toEqual(['running', 'warn']);
    }
    expect(facts.processWord(bridgeScene(now, { present: false }))).toEqual(['running', 'busy']);
    expect(facts.processWord(endedScene(now))).toEqual(['waits for its restart', 'warn']);
    expect(facts.processWord(silentScene)).toEqual(['starting', 'busy']);
  });

  test('B2: kinds are known only over a live session', () => {
    expect(facts.announcedKinds(scene)).toEqual([5_050, 5_100]);
    const away = { session: 'backoff', last_error: 'network: gone', kinds: [], waiting: 0 };
    expect(facts.announcedKinds({ ...scene, lane: away })).toBeNull();
    expect(facts.announcedKinds({ ...scene, lane: undefined })).toBeNull();
  });

  test('the oldest delivery is of those that wait, and none is not zero', () => {
    expect(facts.oldestPending(word)).toBe(now - 754_000);
    expect(facts.oldestPending({ ...word, deliveries: [] })).toBeNull();
    const done = word.deliveries.filter(({ state }) => state === 'accepted');
    expect(facts.oldestPending({ ...word, deliveries: done })).toBeNull();
  });

  test('jobs are those of the provider, in the order in which a job goes', () => {
    expect(facts.providerJobs(word)).toMatchObject([
      { state: 'quoted', number: 2 },
      { state: 'processing', number: 3 },
      { state: 'done', number: 1_204 },
    ]);
  });

  test('refusals have their reasons; failures of this side and signatures known before are none', () => {
    expect(facts.refusedBy(word)).toEqual([
      { reason: 'wrong-signature', number: 14 },
      { reason: 'too-old', number: 3 },
      { reason: 'wrong-id', number: 2 },
    ]);
  });

  test('deliveries for relays outside of the settings are counted beside the table', () => {
    expect(facts.pendingDeliveries(word)).toBe(535);
    expect(facts.pendingBeside(word)).toBe(1);
  });

  test.each([
    [0, '0 KiB'],
    [524_288, '512 KiB'],
    [48_234_496, '46.0 MiB'],
    [1_610_612_736, '1.5 GiB'],
    [undefined, '–'],
    [Number.NaN, '–'],
  ])('%p bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
