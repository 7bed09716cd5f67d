import path from 'node:path';
import { expect, test } from '@jest/globals';
import { documents } from '../../generate-docs/documents.ts';
import { errorTables } from '../../generate-docs/error-tables.ts';
import { markdownTable, markLane } from '../../generate-docs/markdown.ts';
import { staleDocuments } from '../../generate-docs/stale-documents.ts';

const root = path.resolve(import.meta.dirname, '../../..');

test('a document that differs, is missing, or is made by nothing is stale', () => {
  expect(staleDocuments({ a: '1', b: '2', c: '3' }, { a: '1', b: 'x', d: '4' })).toEqual(['b', 'c', 'd']);
  expect(staleDocuments({ a: '1' }, { a: '1' })).toEqual([]);
});

test('cells are escaped', () => {
  expect(markdownTable(['a', 'b'], [['x|y', 'two\nlines']])).toBe('| a | b |\n| --- | --- |\n| x\\|y | two lines |\n');
});

test('what is of the lane is marked, and left out where the lane is gone', () => {
  const text = '| a | Khala |\n| b | other |\nkhala is here.';
  const marked = '| a | Khala <!-- khala --> |\n| b | other |\nkhala is here. <!-- khala -->';
  expect(markLane(text, /khala/i, 'khala', true)).toBe(marked);
  expect(markLane(text, /khala/i, 'khala', false)).toBe('| b | other |');
});

test('every code stands once, where it comes from', async () => {
  const tables = await errorTables(root);
  const control = tables
    .filter(({ owner }) => owner === '@autopilot/control')
    .flatMap(({ codes }) => Object.keys(codes));
  expect(control).toContain('nothing_to_leave');
  expect(control).not.toContain('state_conflict');
  const everywhere = tables.flatMap(({ codes }) => Object.keys(codes));
  expect(everywhere.filter((code) => code === 'state_conflict')).toHaveLength(1);
});

test('the documents hold the data of the sources', async () => {
  const made = await documents(root);
  expect(Object.keys(made)).toHaveLength(5);
  expect(made['rules.md']).toContain('| `S3.1` | 3 | spacetime |');
  expect(made['errors.md']).toContain('| `state_conflict` | ask-user |');
  expect(made['metrics.md']).toContain('| `cutover_stage_info` | gauge |');
  expect(made['configuration.md']).toContain('| `approvals` | 2 |');
  expect(made['commands.md']).toContain('cutover rollback --cohort P');
});
