import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { tableUnder } from '../../src/index.ts';
import { faultTable } from '../../src/khala/fault-spec.ts';

const folder = path.join(import.meta.dirname, '../..');

test('the README has the faults as the code has them', () => {
  const rows = tableUnder(readFileSync(path.join(folder, 'README.md'), 'utf8'), 'Faults of khala');
  const expected = Object.entries(faultTable).map(([name, { fields, what }]) => [
    name,
    fields.join(', '),
    what.replaceAll('`', ''),
  ]);
  expect(expected.length).toBeGreaterThan(0);
  expect(rows).toEqual(expected);
});

test('every fault is injected by a test', () => {
  const tests = ['faults.test.ts', 'limits.test.ts', 'fanout.test.ts']
    .map((file) => readFileSync(path.join(import.meta.dirname, file), 'utf8'))
    .join('\n');
  const untested = Object.keys(faultTable).filter((name) => !tests.includes(`'${name}'`));
  expect(untested).toEqual([]);
});
