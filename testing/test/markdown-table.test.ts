import { expect, test } from '@jest/globals';
import { tableUnder } from '../src/markdown-table.ts';

const text = ['# A', '## One', '| a | b |', '|---|---|', '| `x` | 1 |', '| y | 2 |', '## Two', '| c |', '|---|'].join(
  '\n',
);

test('gives the rows under the heading and of no other', () => {
  expect(tableUnder(text, 'One')).toEqual([
    ['x', '1'],
    ['y', '2'],
  ]);
  expect(tableUnder(text, 'Two')).toEqual([]);
  expect(tableUnder(text, 'Three')).toEqual([]);
});
