import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { RecordedLine } from '../src/app-server-recording.ts';

const folder = new URL('../fixtures/', import.meta.url);
const bytes = readFileSync(new URL('codex-app-server.jsonl', folder));
const lines = bytes.toString('utf8').trimEnd().split('\n');

describe('codex-app-server.jsonl', () => {
  test('is the file that the README describes', () => {
    const readme = readFileSync(new URL('README.md', folder), 'utf8');
    expect(readme).toContain(createHash('sha256').update(bytes).digest('hex'));
    expect(readme).toContain(`${lines.length} lines`);
  });

  test('holds whole turns: every request answered, every started item completed', () => {
    const recorded = lines.map((line) => JSON.parse(line) as RecordedLine & { message: Record<string, unknown> });
    const count = (method: string) => recorded.filter(({ message }) => message.method === method).length;
    expect(count('thread/started')).toBe(3);
    expect(count('turn/completed')).toBe(7);
    expect(count('turn/started')).toBe(count('turn/completed'));
    expect(count('item/started')).toBe(count('item/completed'));
    expect(count('serverRequest/resolved')).toBe(count('item/commandExecution/requestApproval'));
    const times = recorded.map((line) => line.at_ms);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('names no place of the machine that recorded it', () => {
    const text = lines.join('\n');
    const paths = new Set(text.match(/(?<![\w./-])\/(?:[\w.-]+\/)+[\w.-]+/g));
    const foreign = [...paths].filter((path) => !/^\/(srv\/demo\/|bin\/|dev\/null$|codex\/concepts\/)/.test(path));
    expect(foreign).toEqual([]);
    for (const member of ['userAgent', 'serverName', 'installationId']) {
      expect(new Set(text.match(new RegExp(`"${member}":"[^"]*"`, 'g')))).toEqual(
        new Set([`"${member}":"(left out)"`]),
      );
    }
  });
});
