import fs from 'node:fs';
import path from 'node:path';
import { tableUnder } from '@autopilot/testing/markdown-table';
import { describe, expect, test } from '@jest/globals';
import { checkpointErrors } from '../src/index.ts';

const folder = path.join(import.meta.dirname, '..');
const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');

describe('README.md', () => {
  test('the errors are those of the code', () => {
    const inCode = Object.entries(checkpointErrors).map(([code, { recovery }]) => [code, recovery]);
    expect(tableUnder(read('README.md'), 'Errors').map((cells) => cells.slice(0, 2))).toEqual(inCode);
  });
});
