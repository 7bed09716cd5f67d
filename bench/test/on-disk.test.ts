import { expect, test } from '@jest/globals';
import { patience, runBench } from './run-bench.ts';

const needed = ['cpu_us', 'wall_us', 'events_per_second', 'of_same_table', 'of_sequence_only'];

test(
  'wire-to-disk commits every event, and compares it with a bare insert',
  async () => {
    const figures = await runBench('wire-to-disk', ['200', '10,100', '2'], needed);
    expect(figures.map(({ batch, name, counted }) => [batch, name, counted])).toEqual(
      [10, 100].flatMap((batch) => [
        [batch, 'bare insert, same table', 400],
        [batch, 'bare insert, sequence only', 400],
        [batch, 'decide and commit', 400],
        [batch, 'frame to commit', 400],
      ]),
    );
  },
  patience,
);

test(
  'apply-commit commits every event, with keys of both kinds',
  async () => {
    const figures = await runBench('apply-commit', ['200', '100', '2'], needed);
    expect(figures.map(({ keys, counted }) => [keys, counted])).toEqual([
      ...Array(3).fill(['rising', 400]),
      ...Array(3).fill(['random', 400]),
    ]);
  },
  patience,
);
