import { expect, jest, test } from '@jest/globals';
import { type Contestant, inTurns, median, timesAsMuch } from '../src/measure/in-turns.ts';
import type { Machine } from '../src/measure/machine.ts';
import { printReport } from '../src/measure/report.ts';

const machine: Machine = { date: '', node: '', cores: 1, cpu: '', load_before: 0, load_after: 0 };

/** One that deals with so many of its units. */
function dealingWith(counted: number, log: string[] = [], name = 'one'): Contestant {
  const prepare = () => ({
    work: () => void log.push(`work ${name}`),
    check: () => {
      log.push(`check ${name}`);
      return counted;
    },
  });
  return { name, prepare };
}

test('contestants take turns, and the first round is not counted', async () => {
  const log: string[] = [];
  const figures = await inTurns([dealingWith(3, log, 'a'), dealingWith(3, log, 'b')], {
    units: 3,
    rounds: 2,
    repeat: 2,
  });
  const turn = (name: string) => [`work ${name}`, `check ${name}`, `work ${name}`, `check ${name}`];
  expect(log).toEqual([1, 2, 3].flatMap(() => [...turn('a'), ...turn('b')]));
  expect(figures.map(({ name, turns, counted }) => [name, turns.length, counted])).toEqual([
    ['a', 2, 12],
    ['b', 2, 12],
  ]);
});

test.each([
  ['nothing', 0, 3],
  ['too little', 2, 3],
  ['too much', 4, 3],
  ['nothing because there is nothing', 0, 0],
  ['no number', Number.NaN, Number.NaN],
])('a contestant that has dealt with %s measures nothing', async (_what, counted, units) => {
  await expect(inTurns([dealingWith(counted)], { units, rounds: 1 })).rejects.toThrow('nothing was measured');
});

test('ratios are medians over rounds', () => {
  const figures = (name: string, walls: readonly number[]) => ({
    name,
    counted: 1,
    turns: walls.map((wall) => ({ wall, cpu: 1 })),
  });
  expect(timesAsMuch(figures('a', [10, 40, 6]), figures('b', [5, 10, 6]), 'wall')).toBe(2);
  expect(median([])).toBeNaN();
});

test.each([
  ['no figures', []],
  ['nothing counted', [{ name: 'one', counted: 0, ms: 1 }]],
  ['a rate of nothing', [{ name: 'one', counted: 1, ms: Number.POSITIVE_INFINITY }]],
  ['what was not measured', [{ name: 'one', counted: 1, ms: null }]],
  ['a figure of 0', [{ name: 'one', counted: 1, ms: 0 }]],
  ['no number', [{ name: 'one', counted: 1, ms: Number.NaN }]],
])('a report with %s is refused', (_what, figures: readonly { name: string; counted: number; ms: number | null }[]) => {
  const print = jest.spyOn(console, 'log').mockImplementation(() => {});
  try {
    const report = { bench: 'test', settings: {}, machine, figures };
    expect(() => printReport(report, ['ms'], { json: true, table: () => '' })).toThrow('nothing was measured');
    expect(print).not.toHaveBeenCalled();
  } finally {
    print.mockRestore();
  }
});

test('a report for programs is one line of JSON', () => {
  const print = jest.spyOn(console, 'log').mockImplementation(() => {});
  try {
    const report = { bench: 'test', settings: { rounds: 1 }, machine, figures: [{ name: 'one', counted: 1, ms: 2 }] };
    printReport(report, ['ms'], { json: true, table: () => '' });
    expect(print.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([report]);
  } finally {
    print.mockRestore();
  }
});
