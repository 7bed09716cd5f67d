import fs from 'node:fs';
import path from 'node:path';
import { tableUnder } from '@autopilot/testing/markdown-table';
import { describe, expect, test } from '@jest/globals';
import { applyErrors, decisionTable } from '../src/index.ts';

const folder = path.join(import.meta.dirname, '..');
const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');
const spec = read('SPEC.md');

describe('SPEC.md', () => {
  test('I3 the decision table is the one the code runs', () => {
    const inCode = Object.entries(decisionTable).map(([name, row]) => [
      name,
      row.outcome,
      'reason' in row ? row.reason : '',
    ]);
    expect(tableUnder(spec, 'Decision table')).toEqual(inCode);
  });

  test('I3 every class is described', () => {
    const described = tableUnder(spec, 'Classes of events').map(([name]) => name);
    expect(described.toSorted()).toEqual(Object.keys(decisionTable).toSorted());
  });
});

describe('README.md', () => {
  test('the errors are those of the code', () => {
    const inCode = Object.entries(applyErrors).map(([code, { recovery }]) => [code, recovery]);
    expect(tableUnder(read('README.md'), 'Errors').map((cells) => cells.slice(0, 2))).toEqual(inCode);
  });
});
