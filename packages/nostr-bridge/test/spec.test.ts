import fs from 'node:fs';
import path from 'node:path';
import { tableUnder } from '@autopilot/testing/markdown-table';
import { describe, expect, test } from '@jest/globals';
import {
  bridgeErrors,
  deliveryTransitions,
  jobTransitions,
  prefixes,
  refusals,
  relayTransitions,
  processTransitions,
} from '../src/index.ts';

const folder = path.join(import.meta.dirname, '..');
const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');
const rows = (table: object) =>
  Object.entries(table).map(([state, row]) => [state, ...Object.values(row as object).map((to) => to ?? '-')]);

describe('SPEC.md', () => {
  test('R1 O3 J1 T1 the tables of states are those the code runs', () => {
    expect(tableUnder(read('SPEC.md'), 'Relay states')).toEqual(rows(relayTransitions));
    expect(tableUnder(read('SPEC.md'), 'Job states')).toEqual(rows(jobTransitions));
    expect(tableUnder(read('SPEC.md'), 'Process states')).toEqual(rows(processTransitions));
    expect(tableUnder(read('SPEC.md'), 'Deliveries')).toEqual(rows(deliveryTransitions));
  });

  test('R6 the verdicts are those of the code', () => {
    const inCode = Object.entries(prefixes).map(([prefix, { outcome, reason }]) => [prefix, outcome, reason]);
    expect(tableUnder(read('SPEC.md'), 'Verdicts')).toEqual(inCode);
  });

  test('I1 the checks are those of the code, in its order', () => {
    const shown = tableUnder(read('SPEC.md'), 'Inbound events').map(([check]) => check);
    expect(shown).toEqual([...refusals]);
  });
});

test('the errors of README.md are those of the code', () => {
  const inCode = Object.entries(bridgeErrors).map(([code, { recovery }]) => [code, recovery]);
  expect(tableUnder(read('README.md'), 'Errors').map((cells) => cells.slice(0, 2))).toEqual(inCode);
});
