import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkpointErrors } from '../src/index.ts';

const folder = path.join(import.meta.dirname, '..');
const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');
const spec = read('SPEC.md');

function idsOfTests(): Set<string> {
  const ids = new Set<string>();
  const tests = fs.readdirSync(path.join(folder, 'test')).filter((name) => name.endsWith('.test.ts'));
  for (const name of ['src/conformance.ts', ...tests.map((it) => `test/${it}`)]) {
    for (const [, names = ''] of read(name).matchAll(/['"`]((?:I\d+ )+)/g)) {
      for (const id of names.trim().split(' ')) ids.add(id);
    }
  }
  return ids;
}

/** The cells of the rows of the table under a heading. */
function tableUnder(text: string, heading: string): readonly (readonly string[])[] {
  const section = text.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('SPEC.md', () => {
  test('every invariant has a test, and every test names an invariant that is there', () => {
    const inSpec = new Set([...spec.matchAll(/\*\*(I\d+)\*\*/g)].map(([, id]) => id));
    expect(inSpec.size).toBeGreaterThan(10);
    expect([...idsOfTests()].sort()).toEqual([...inSpec].sort());
  });
});

describe('README.md', () => {
  test('the errors are those of the code', () => {
    const inCode = Object.entries(checkpointErrors).map(([code, { recovery }]) => [code, recovery]);
    expect(tableUnder(read('README.md'), 'Errors').map((cells) => cells.slice(0, 2))).toEqual(inCode);
  });
});
