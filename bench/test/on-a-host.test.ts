import { expect, test } from '@jest/globals';
import { patience, runBench } from './run-bench.ts';

test(
  'reconnect brings every missed event, over fewer bytes than everything again',
  async () => {
    const needed = ['bytes', 'milliseconds', 'client_cpu_ms', 'times_the_bytes', 'times_the_time'];
    const figures = await runBench('reconnect', ['400', '10', '1'], needed);
    expect(figures.map(({ name, counted }) => [name, counted])).toEqual([
      ['session, from its position', 10],
      ['official, everything again', 400],
      ['official, seq > position', 10],
    ]);
    expect(figures[1]?.times_the_bytes).toBeGreaterThan(2);
  },
  patience,
);

test(
  'latency follows every event to its commit',
  async () => {
    const needed = ['p50_ms', 'p99_ms', 'p50_of_echo', 'p99_of_echo'];
    const figures = await runBench('latency', ['5', '2', '--host', 'memory'], needed);
    expect(figures.map(({ name, counted }) => [name, counted])).toEqual([
      ['ws echo', 10],
      ['applied in memory', 10],
      ['committed, NORMAL', 10],
      ['committed, FULL', 10],
    ]);
  },
  patience,
);
