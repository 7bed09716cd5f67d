import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

test('every invariant of SPEC.md has a test that is named by it, and every such test an invariant', () => {
  const here = new URL('./', import.meta.url);
  const spec = readFileSync(new URL('../SPEC.md', here), 'utf8');
  const promised = [...spec.matchAll(/^- \*\*(I\d+)\*\*/gm)].map(([, id]) => id);
  const sources = readdirSync(here)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => readFileSync(new URL(name, here), 'utf8'));
  const tested = sources.flatMap((text) => [...text.matchAll(/\(\s*['`](I\d+): /g)].map(([, id]) => id));
  expect(promised.length).toBeGreaterThan(0);
  expect([...new Set(tested)].sort()).toEqual([...promised].sort());
});
