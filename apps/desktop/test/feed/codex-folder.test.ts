import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { checkCodex } from '../../src/feed/check-codex.ts';
import { codexFolder } from '../../src/feed/codex-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'codex-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('without a name, every run gets a new folder, which is its own project', () => {
  const [first, second] = [codexFolder(undefined, folder), codexFolder(undefined, folder)];
  expect(first.workDir).not.toBe(second.workDir);
  for (const { workDir, extraArgs } of [first, second]) {
    expect(path.dirname(path.dirname(workDir))).toBe(folder);
    expect(existsSync(workDir)).toBe(true);
    expect(extraArgs).toEqual(['-c', 'project_root_markers=[]']);
  }
});

test('a named folder is used as it is, or refused', () => {
  expect(codexFolder(path.relative(process.cwd(), folder), '/missing')).toEqual({ workDir: folder, extraArgs: [] });
  const file = path.join(folder, 'file');
  writeFileSync(file, '', { mode: 0o755 });
  const unusable = expect.objectContaining({ code: 'work_dir_unusable', recovery: 'ask-user' });
  for (const wrong of [path.join(folder, 'missing'), file]) expect(() => codexFolder(wrong, folder)).toThrow(unusable);
});

test('the check says what is missing and what to do, and starts nothing', () => {
  const env = { CODEX_BIN: process.execPath };
  expect(checkCodex(folder, env)).toEqual({ codex: { file: process.execPath, by: 'CODEX_BIN' } });
  expect(checkCodex(path.join(folder, 'missing'), env)).toMatchObject({ error: { code: 'work_dir_unusable' } });
  const missing = checkCodex(undefined, { CODEX_BIN: path.join(folder, 'codex') });
  expect(missing).toMatchObject({ error: { code: 'codex_not_installed', next: expect.stringContaining(' add -O ') } });
});
