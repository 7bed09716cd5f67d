import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parseOptions, readSecret } from '../src/options.ts';

// Each start of the program loads all of it, which takes long on a busy machine.
jest.setTimeout(60_000);

let dir: string;
let secret: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'desktop-cli-'));
  secret = path.join(dir, 'secret');
  writeFileSync(secret, 'hush\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const base = () => ({
  ...{ '--listen': '127.0.0.1:0', '--data-dir': path.join(dir, 'data'), '--control': 'http://127.0.0.1:1' },
  ...{ '--client-id': 'me', '--client-secret-file': secret },
});
const args = (over: Readonly<Record<string, string>> = {}) => Object.entries({ ...base(), ...over }).flat();

describe('parseOptions', () => {
  test('takes a whole command line', () => {
    const given = args({ '--listen': '[::1]:4311', '--feed': 'recorded', '--feed-file': 'f', '--feed-pace': '0' });
    const pace = ['--heartbeat-ms', '2000', '--dwell-ms', '500'];
    expect(parseOptions([...given, ...pace, '--feed-once', '--ready-json'])).toMatchObject({
      ...{ heartbeatMs: 2000, dwellMs: 500 },
      ...{ host: '[::1]', port: 4311, clientId: 'me', feed: 'recorded', feedFile: 'f', feedPaceMs: 0, feedOnce: true },
      ...{ environment: 'dev', readyJson: true },
    });
    expect(parseOptions(['--help'])).toBe('help');
  });

  test.each([
    ['an unknown option', { '--bogus': '1' }, '--bogus'],
    ['a public address', { '--listen': '0.0.0.0:80' }, 'loopback'],
    ['no port', { '--listen': '127.0.0.1' }, 'HOST:PORT'],
    ['a port beyond the last', { '--listen': '127.0.0.1:70000' }, 'HOST:PORT'],
    ['a control that is no URL', { '--control': 'nowhere' }, '--control'],
    ['a client id with a colon', { '--client-id': 'a:b' }, '--client-id'],
    ['a heartbeat of no time', { '--heartbeat-ms': '0' }, '--heartbeat-ms'],
    ['a dwell that is no number', { '--dwell-ms': 'long' }, '--dwell-ms'],
    ['a null run of no lane', { '--null-run': 'both' }, '--null-run must be khala or spacetime'],
    ['a null run of khala without khala', { '--null-run': 'khala' }, '--null-run khala needs --khala'],
    ['an unknown feed', { '--feed': 'twitter' }, '--feed'],
    ['a recorded feed without a file', { '--feed': 'recorded' }, '--feed-file'],
    ['a pace that is no number', { '--feed-pace': 'fast' }, '--feed-pace'],
    ['an empty prompt', { '--feed': 'codex', '--codex-prompt': ' ' }, '--codex-prompt'],
    ['an empty environment', { '--environment': '' }, '--environment'],
  ])('refuses %s and names it', (_name, over, named) => {
    const attempt = () => parseOptions(args(over as unknown as Record<string, string>));
    expect(attempt).toThrow(named);
    expect(attempt).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test.each(['--listen', '--data-dir', '--control', '--client-id', '--client-secret-file'])('needs %s', (name) => {
    const given = Object.entries(base()).filter(([option]) => option !== name);
    expect(() => parseOptions(given.flat())).toThrow(`${name} is missing`);
  });
});

describe('readSecret', () => {
  test('takes the only line, and refuses an empty or unreadable file', () => {
    expect(readSecret(secret)).toBe('hush');
    const empty = path.join(dir, 'empty');
    writeFileSync(empty, '\n');
    expect(() => readSecret(empty)).toThrow(expect.objectContaining({ code: 'secret_unreadable' }));
    expect(() => readSecret(path.join(dir, 'missing'))).toThrow(expect.objectContaining({ code: 'secret_unreadable' }));
  });
});

describe('the program', () => {
  const main = path.join(import.meta.dirname, '..', 'src', 'main.ts');
  const nodeArgs = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', main];
  const run = (given: readonly string[], codexBin = '') =>
    new Promise<{ code: unknown; stderr: string; stdout: string }>((resolve) => {
      const env = { ...process.env, CODEX_BIN: codexBin };
      execFile(process.execPath, [...nodeArgs, ...given], { env }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
      );
    });

  test('a mistake is one line with a code and what to do, without a stack trace', async () => {
    const [usage, folder] = await Promise.all([run(['--bogus']), run(args({ '--data-dir': '/dev/null/x' }))]);
    expect(usage).toMatchObject({ code: 2, stdout: '' });
    expect(usage.stderr).toMatch(/^usage: .*--bogus.*--help.*\n$/);
    expect(folder).toMatchObject({ code: 1, stdout: '' });
    expect(folder.stderr).toMatch(/^data_dir_unusable: .*\/dev\/null\/x.*\n$/);
  });

  test('--check-codex answers in one JSON line, needs nothing else, and starts nothing', async () => {
    const { code, stdout, stderr } = await run(['--check-codex', '--codex-dir', '/dev/null/x'], process.execPath);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'work_dir_unusable' } });
    const good = await run(['--check-codex'], process.execPath);
    expect(good).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^{"codex":{"file":.*,"by":"CODEX_BIN"}}\n$/),
    });
  });

  test('prints its ready line, and ends with 0 on SIGTERM', async () => {
    const outcome = await new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      let stdout = '';
      let stderr = '';
      const child = execFile(process.execPath, [...nodeArgs, ...args(), '--ready-json']);
      child.stderr?.on('data', (text: string) => {
        stderr += text;
      });
      child.stdout?.on('data', (text: string) => {
        stdout += text;
        if (stdout.includes('\n')) child.kill('SIGTERM');
      });
      child.on('exit', (code) => resolve({ code, stdout, stderr }));
    });
    expect(outcome.code).toBe(0);
    const ready = JSON.parse(outcome.stdout) as { ready: string; url: string };
    expect(ready.ready).toBe('desktop');
    expect(ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
    expect(outcome.stderr).not.toContain(new URL(ready.url).searchParams.get('token'));
  });
});
