import { expect, test } from '@jest/globals';
import { patience, runBench } from './run-bench.ts';

const timed = ['cpu_us', 'wall_us'];

test(
  'wire-to-memory applies every row of every shape, and compares each with the official client',
  async () => {
    const figures = await runBench('wire-to-memory', ['60', '2', '--rows-a-turn', '60'], timed);
    expect(figures.map(({ counted }) => counted)).toEqual(figures.map(() => 120));
    expect(new Set(figures.map(({ shape }) => shape)).size).toBe(7);
    for (const { official_takes } of figures) {
      expect(official_takes).toMatchObject({
        'official, primary key': expect.any(Number),
        'official, no key': expect.any(Number),
      });
    }
  },
  patience,
);

test(
  'memory-growth hands every event to each subject',
  async () => {
    const figures = await runBench('memory-growth', ['2560', '1280'], ['rss_mb', 'heap_mb']);
    expect(figures.map(({ name, counted }) => [name, counted])).toEqual([
      ['session and apply-engine', 2_560],
      ['official, event table', 2_560],
      ['official, primary key', 1_280],
    ]);
  },
  patience,
);

test(
  'decide gives lanes to all units, by three evaluators',
  async () => {
    const figures = await runBench('decide', ['1000'], ['nanoseconds', 'times_decide']);
    expect(figures.map(({ counted }) => counted)).toEqual([7_000, 7_000, 7_000]);
  },
  patience,
);

test(
  'parity matches every position',
  async () => {
    const figures = await runBench('parity', ['600'], ['events_per_second', 'of_map']);
    expect(figures.map(({ counted }) => counted)).toEqual([6_000, 6_000, 6_000]);
  },
  patience,
);
