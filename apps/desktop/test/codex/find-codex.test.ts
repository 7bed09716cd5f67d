import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { codexErrors, installCodexCommand } from '../../src/codex/errors.ts';
import { findCodex } from '../../src/codex/find-codex.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'find-codex-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const nothing = (): string => {
  throw new Error('not found');
};

function program(...place: string[]): string {
  const file = path.join(folder, ...place);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, 0o755);
  return file;
}

describe('findCodex', () => {
  test('takes the option before the environment before PATH', () => {
    const [named, fromEnv, onPath] = [program('a'), program('b'), program('bin', 'codex')];
    const env = { CODEX_BIN: fromEnv, PATH: `relative:${path.join(folder, 'bin')}` };
    expect(findCodex({ codexBin: named, env, resolve: nothing })).toEqual({ file: named, by: 'option' });
    expect(findCodex({ env, resolve: nothing })).toEqual({ file: fromEnv, by: 'CODEX_BIN' });
    expect(findCodex({ env: { PATH: env.PATH }, resolve: nothing })).toEqual({ file: onPath, by: 'PATH' });
  });

  test('takes the optional package before PATH', () => {
    const onPath = program('bin', 'codex');
    const wrapper = path.join(folder, 'node_modules', '@openai', 'codex', 'package.json');
    const platform = `codex-${process.platform}-${process.arch}`;
    const native = path.join(folder, 'node_modules', '@openai', platform);
    mkdirSync(path.dirname(wrapper), { recursive: true });
    mkdirSync(native, { recursive: true });
    for (const file of [wrapper, path.join(native, 'package.json')]) writeFileSync(file, '{"version":"1.0.0"}');
    const env = { PATH: path.dirname(onPath) };
    // A package without its program counts as not there.
    expect(findCodex({ env, resolve: () => wrapper })).toEqual({ file: onPath, by: 'PATH' });
    const target = `${process.arch === 'x64' ? 'x86_64' : 'aarch64'}-${process.platform === 'darwin' ? 'apple-darwin' : 'unknown-linux-musl'}`;
    const file = program('node_modules', '@openai', platform, 'vendor', target, 'bin', 'codex');
    expect(findCodex({ env, resolve: () => wrapper })).toEqual({ file, by: 'package' });
  });

  test('says how to install it when it is nowhere, and never passes over what was named', () => {
    const missing = expect.objectContaining({ code: 'codex_not_installed', recovery: 'ask-user' });
    expect(() => findCodex({ env: {}, resolve: nothing })).toThrow(missing);
    expect(codexErrors.codex_not_installed.next).toContain(installCodexCommand);
    // The command names the pnpm of the repository, for people who have none.
    const root = readFileSync(path.join(import.meta.dirname, '..', '..', '..', '..', 'package.json'), 'utf8');
    expect(installCodexCommand).toContain(` ${JSON.parse(root).packageManager} `);
    const env = { PATH: path.dirname(program('bin', 'codex')) };
    const plain = path.join(folder, 'plain');
    writeFileSync(plain, '');
    for (const codexBin of [plain, folder, path.join(folder, 'missing')]) {
      expect(() => findCodex({ codexBin, env, resolve: nothing })).toThrow(missing);
      expect(() => findCodex({ env: { ...env, CODEX_BIN: codexBin }, resolve: nothing })).toThrow(missing);
    }
  });
});
