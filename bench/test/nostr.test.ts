import { describe, expect, test } from '@jest/globals';
import { growthOfLastHalf, type InboundSample, isFlat } from '../src/nostr/flatness.ts';
import { patience, runBench } from './run-bench.ts';

test(
  'nostr-verify finds every event good, by four ways',
  async () => {
    const needed = ['cpu_us', 'wall_us', 'per_core', 'nostr_tools_takes', 'nostr_tools_takes_by_clock'];
    const figures = await runBench('nostr-verify', ['20', '10,300', '2'], needed);
    expect(figures.map(({ content, name, counted }) => [content, name, counted])).toEqual(
      [10, 300].flatMap((content) => [
        [content, 'nostr-tools', 40],
        [content, 'nostr-tools/wasm', 40],
        [content, 'verifier of the bridge', 40],
        [content, 'frame to accepted', 40],
      ]),
    );
  },
  patience,
);

test(
  'nostr-publish has every event at three relays, by two ways',
  async () => {
    const needed = ['events_per_second', 'cpu_us', 'wall_us', 'of_pool_cpu', 'of_pool_wall'];
    const figures = await runBench('nostr-publish', ['20', '1,8', '2'], needed);
    expect(figures.map(({ in_flight, name, counted }) => [in_flight, name, counted])).toEqual(
      [1, 8].flatMap((inFlight) => [
        [inFlight, 'SimplePool of nostr-tools', 40],
        [inFlight, 'outbox of the bridge', 40],
      ]),
    );
  },
  patience,
);

test(
  'nostr-inbound-memory takes every event, and remembers no more ids than it may',
  async () => {
    const needed = ['cpu_us', 'wall_us', 'rss_mb', 'heap_mb', 'file_mb'];
    const [figure, ...others] = await runBench('nostr-inbound-memory', ['1500', '1000', '50'], needed);
    expect([figure?.counted, others]).toEqual([1_500, []]);
    const samples = figure?.samples as InboundSample[];
    expect(samples.map(({ events }) => events)).toEqual(Array.from({ length: 11 }, (_, part) => part * 150));
    expect(Math.max(...samples.map(({ seen }) => seen))).toBeLessThanOrEqual(1_000);
    expect(samples.at(-1)?.seen).toBeLessThan(1_500);
  },
  patience,
);

describe('what is flat', () => {
  const sample = (events: number, heap_mb: number): InboundSample => {
    return { events, seen: 1, heap_mb, external_mb: 1, rss_mb: 1, file_mb: 1 };
  };

  test('is told by the most of the last half, not by its end', () => {
    const growth = growthOfLastHalf([sample(0, 90), sample(50, 10), sample(75, 15), sample(100, 10)]);
    expect([growth.heap_mb, growth.rss_mb, isFlat(growth)]).toEqual([5, 0, false]);
    expect(isFlat(growthOfLastHalf([sample(0, 1), sample(50, 10), sample(75, 11), sample(100, 2)]))).toBe(true);
  });

  test.each([
    ['no samples', []],
    ['nothing of the last half', [sample(0, 1)]],
    ['what could not be read', [sample(50, 1), sample(100, Number.NaN)]],
  ])('is not %s', (_what, samples) => {
    expect(isFlat(growthOfLastHalf(samples))).toBe(false);
  });
});
