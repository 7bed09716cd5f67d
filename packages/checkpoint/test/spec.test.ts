import fs from 'node:fs';
import path from 'node:path';
import { tableUnder } from '@autopilot/testing/markdown-table';
import { describe, expect, test } from '@jest/globals';
import { checkpointErrors, openingTable } from '../src/index.ts';

const folder = path.join(import.meta.dirname, '..');
const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');

describe('SPEC.md', () => {
  test('I11 I15 the opening table is the one the code runs', () => {
    const inCode = Object.entries(openingTable).map(([name, row]) => [
      name,
      row.action,
      'recovered' in row ? row.recovered : 'code' in row ? row.code : '',
    ]);
    const shown = tableUnder(read('SPEC.md'), 'Opening').map(([name, , action, result]) => [name, action, result]);
    expect(shown).toEqual(inCode);
  });
});

describe('README.md', () => {
  test('the errors are those of the code', () => {
    const inCode = Object.entries(checkpointErrors).map(([code, { recovery }]) => [code, recovery]);
    expect(tableUnder(read('README.md'), 'Errors').map((cells) => cells.slice(0, 2))).toEqual(inCode);
  });
});
