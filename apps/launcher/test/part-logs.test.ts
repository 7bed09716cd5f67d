import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { openPartLogs } from '../src/part-logs.ts';

test('everything is kept in files, and people see warnings and plain lines only', async () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'autopilot-logs-')), 'logs');
  const shown: string[] = [];
  const logs = openPartLogs(folder, (text) => shown.push(text));
  expect(existsSync(folder)).toBe(false);
  const lines = ['{"level":30,"msg":"a request"}', '{"level":40,"msg":"waiting"}', 'no json', '{"no":"level"}'];
  for (const line of lines) logs.add('control', line);
  logs.add('desktop', '{"level":50}');
  await logs.close();
  expect(readFileSync(path.join(folder, 'control.log'), 'utf8')).toBe(`${lines.join('\n')}\n`);
  expect(readFileSync(path.join(folder, 'desktop.log'), 'utf8')).toBe('{"level":50}\n');
  expect(shown).toEqual([...lines.slice(1).map((line) => `[control] ${line}`), '[desktop] {"level":50}']);
  rmSync(path.dirname(folder), { recursive: true });
});
