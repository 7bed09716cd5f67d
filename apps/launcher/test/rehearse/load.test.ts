import { describe, expect, test } from '@jest/globals';
import { startLoad } from '../../src/rehearse/load.ts';
import type { Publication } from '../../src/rehearse/publisher.ts';
import { seededRandom } from '../../src/rehearse/seeded-random.ts';

const scale = { events: 1_000, streams: 8, eventsPerSecond: 16, burstShare: 0.1, lastShare: 0.2 };

/** A load whose time is the turns of its pauses, and a fleet that is as far behind as the test says. */
function start(over: { readonly behind?: (khala: boolean) => number | null; readonly events?: number } = {}) {
  const published: Publication[] = [];
  const asked: boolean[] = [];
  let turns = 0;
  let holding = false;
  const load = startLoad({
    scale: { ...scale, events: over.events ?? scale.events },
    publisher: {
      async publish(events) {
        published.push(...events);
      },
    },
    random: seededRandom(1),
    lag: () => 0,
    async behind(khala) {
      asked.push(khala);
      return (over.behind ?? (() => 0))(khala);
    },
    async pause() {
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
      while (holding) await new Promise((resolve) => setImmediate(resolve));
    },
  });
  const wait = async (condition: () => boolean) => {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    ...{ load, published, asked, wait },
    turns: () => turns,
    hold: (value: boolean) => {
      holding = value;
    },
    perStream: (from = 0) => {
      const counts = new Map<string, number>();
      for (const { topic } of published.slice(from)) counts.set(topic, (counts.get(topic) ?? 0) + 1);
      return [...counts.values()];
    },
  };
}

describe('the load', () => {
  test('is sparing while nothing changes, and never uses up what the changes need', async () => {
    const it = start();
    await it.wait(() => it.turns() >= 40);
    // 40 quarters of a second at 16 events a second.
    expect(it.load.published).toBeGreaterThan(100);
    expect(it.load.published).toBeLessThanOrEqual(4 * 41);
    await it.wait(() => it.load.published > 320);
    const [turns, at] = [it.turns(), it.load.published];
    await it.wait(() => it.turns() >= turns + 20);
    // Beyond its share it is half as much.
    expect(it.load.published - at).toBeLessThanOrEqual(2 * 21);
    // And a change has all that it would have had at the beginning.
    const before = it.load.published;
    await it.load.during(() => it.wait(() => it.load.published >= before + 100));
    it.load.stop();
    await it.load.done;
  });

  test('is on its way before a change begins, covers every stream, and takes no more than its share', async () => {
    const it = start();
    await it.wait(() => it.turns() >= 4);
    const before = it.published.length;
    let atBegin = 0;
    const result = await it.load.during(async () => {
      atBegin = it.published.length;
      const turns = it.turns();
      await it.wait(() => it.turns() >= turns + 30);
      return 'done';
    });
    expect(result).toBe('done');
    expect(atBegin - before).toBeGreaterThanOrEqual(scale.streams);
    const flowed = it.published.length - before;
    // The share, and what is published sparingly when that is gone.
    expect(flowed).toBeGreaterThanOrEqual(100);
    expect(flowed).toBeLessThanOrEqual(100 + 4 * 31);
    const counts = it.perStream(before);
    expect(counts).toHaveLength(scale.streams);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    it.load.stop();
  });

  test('waits for the fleet during a change, after a small first part', async () => {
    let behind: number | null = null;
    const it = start({ behind: () => behind });
    await it.wait(() => it.turns() >= 4);
    const before = it.published.length;
    await it.load.during(async () => {
      const first = it.published.length - before;
      expect([first >= scale.streams, first <= 40]).toEqual([true, true]);
      for (const slow of [null, 10_000]) {
        behind = slow;
        const turns = it.turns();
        await it.wait(() => it.turns() >= turns + 10);
        expect(it.published.length).toBe(before + first);
      }
      behind = 0;
      await it.wait(() => it.published.length >= before + first + scale.streams);
    });
    expect(it.asked.every((khala) => khala)).toBe(true);
    it.load.stop();
  });

  test.each([
    // What a fleet applies in a second, and how many seconds it may then be behind and has to take for the whole share.
    { rate: 20, behind: 5, within: 120 },
    { rate: 200, behind: 2, within: 12 },
    { rate: 5_000, behind: 1, within: 5 },
    { rate: 2, behind: 20, within: 600 },
  ])('gives a fleet that takes $rate events in a second what it can take', async ({ rate, behind, within }) => {
    const now = { ms: 0, has: 0 };
    const sent = { count: 0 };
    const slowest = { seconds: 0 };
    const load = startLoad({
      scale: { ...scale, events: 20_000, burstShare: 0.05 },
      publisher: {
        async publish(events) {
          sent.count += events.length;
        },
      },
      random: seededRandom(1),
      lag: () => 0,
      behind: async () => sent.count - now.has,
      clock: () => now.ms,
      async pause(milliseconds) {
        await new Promise((resolve) => setImmediate(resolve));
        now.ms += milliseconds;
        now.has = Math.min(sent.count, now.has + (rate * milliseconds) / 1_000);
        slowest.seconds = Math.max(slowest.seconds, (sent.count - now.has) / rate);
      },
    });
    await load.during(async () => {
      const [from, at] = [now.ms, sent.count];
      while (sent.count < at + 900) await new Promise((resolve) => setImmediate(resolve));
      expect((now.ms - from) / 1_000).toBeLessThan(within);
    });
    expect(slowest.seconds).toBeLessThan(behind);
    load.stop();
  });

  test('hurries to the share that is kept for Stage 3, asks no more for khala, and finishes when it is told to', async () => {
    const it = start();
    it.load.hurry();
    await it.wait(() => it.load.published >= 800);
    it.hold(true);
    expect(it.load.published).toBe(800);
    it.hold(false);
    const before = it.published.length;
    it.asked.length = 0;
    await it.load.during(() => it.wait(() => it.published.length >= before + 100));
    expect(new Set(it.asked)).toEqual(new Set([false]));
    it.load.finish();
    await it.load.done;
    expect(it.load.published).toBe(1_000);
    expect(new Set(it.published.map(({ idempotency_key }) => idempotency_key)).size).toBe(1_000);
    // A change after the last event begins at once, without one.
    await it.load.during(async () => {});
    expect(it.published.length).toBe(1_000);
  });

  test('in a hurry a change begins in the middle of it', async () => {
    const it = start({ events: 100_000 });
    it.load.hurry();
    await it.load.during(async () => {
      const at = it.published.length;
      expect(at).toBeLessThan(10_000);
      await it.wait(() => it.published.length > at + 500);
    });
    it.load.stop();
  });

  test('goes on during a change when only what is kept for Stage 3 is left, and one change is under way at a time', async () => {
    const it = start();
    await it.wait(() => it.load.published >= 800);
    const before = it.published.length;
    await it.load.during(async () => {
      await expect(it.load.during(async () => {})).rejects.toThrow('one burst at a time');
      await it.wait(() => it.published.length >= before + scale.streams * 4);
    });
    expect(it.perStream(before)).toHaveLength(scale.streams);
    it.load.stop();
  });

  test('a change that fails ends its burst, and an event that is refused ends the load', async () => {
    const it = start();
    await expect(it.load.during(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    await it.load.during(async () => {});
    it.load.stop();
    await it.load.done;
    const broken = startLoad({
      ...{ scale, random: seededRandom(1), lag: () => 0, behind: async () => 0, pause: async () => {} },
      publisher: { publish: () => Promise.reject(new Error('control refused events')) },
    });
    await broken.during(async () => {});
    await expect(broken.done).rejects.toThrow('control refused events');
  });
});
