import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { commands } from '../../src/cutover-cli/commands.ts';
import { endingOf, exitCodes } from '../../src/cutover-cli/exit-codes.ts';
import { cli, cliOf } from '../support/cli.ts';
import { startCutover } from '../support/cutover.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = path.resolve(import.meta.dirname, '../../src/cutover-cli/main.ts');

/** The program itself. */
async function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(
    process.execPath,
    ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', program, ...args],
    { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, err };
}

/** Fetch that gives no answer to the first commands, though they may have arrived. */
function losing(answers: number, arrives: boolean): { fetch: typeof fetch; keys: string[] } {
  const keys: string[] = [];
  const lossy = async (...[input, init]: Parameters<typeof fetch>) => {
    if (init?.method !== 'POST') return fetch(input, init);
    keys.push(JSON.parse(String(init.body)).idempotency_key);
    if (keys.length > answers) return fetch(input, init);
    if (arrives) await (await fetch(input, init)).text();
    throw new TypeError('fetch failed', { cause: Object.assign(new Error('gone'), { code: 'ECONNRESET' }) });
  };
  return { fetch: lossy, keys };
}

const force = ['force', '--to', '1', '--incident', 'I', '--expires', '1h', '--reason', "it's down"];

describe('with control', () => {
  test('a lost answer is asked for again under the same key, and the command is done once', async () => {
    const it = await startCutover();
    await it.fill();
    const { fetch, keys } = losing(1, true);
    const run = cliOf(it.control.url, { fetch });
    const before = (await it.get('state')).body.state.revision;
    const ran = await run('anna', 'cohort', '--cap', '7', '--reason', 'x', '--json');
    expect(ran).toMatchObject({ code: 0, json: { result: { replayed: true, key: keys[0] } } });
    expect(keys).toEqual([keys[0], keys[0]]);
    expect((await it.get('state')).body.state).toMatchObject({ revision: before + 1, cohort: { cap: 7 } });
  });

  test('when no answer comes at all the line that repeats it means exactly the same', async () => {
    const it = await startCutover();
    await it.fill();
    const { fetch, keys } = losing(3, false);
    const lost = await cliOf(it.control.url, { fetch })('anna', ...force);
    expect(lost.code).toBe(3);
    expect(lost.err).toContain('cutover: answer_lost:');
    expect(keys).toHaveLength(3);
    const [, line = ''] = /it is done once: cutover (.*)$/m.exec(lost.err) ?? [];
    expect(line).toMatch(/--reason 'it'\\''s down' --expires \d{4}-\S+Z --key \S+$/);
    const again = [...line.matchAll(/--(expires|key) (\S+)/g)].flatMap(([, name, value]) => [`--${name}`, value ?? '']);
    const repeated = ['force', '--to', '1', '--incident', 'I', '--reason', "it's down", ...again];
    const run = cliOf(it.control.url);
    // The target fills while the test runs; what counts is that the same line is answered alike.
    const first = await run('anna', ...repeated, '--json');
    const second = await run('anna', ...repeated, '--json');
    expect([first.code, second.code, second.json.result.replayed]).toEqual([0, 0, true]);
  });

  test('says who may not, what does not answer and what is not control', async () => {
    const it = await startCutover();
    const run = cliOf(it.control.url);
    expect(await run('desktop', 'status')).toMatchObject({ code: 4, out: '' });
    const stranger = await run('stranger', 'status', '--json');
    expect(stranger).toMatchObject({
      code: 4,
      err: '',
      json: { command: 'status', exit: 4, error: { code: 'unauthorized' } },
    });
    const gone = cliOf('http://127.0.0.1:9');
    const dead = await gone('anna', 'status');
    expect(dead.code).toBe(3);
    expect(dead.err).toContain('Control at http://127.0.0.1:9 does not answer (');
    const answering = (status: number, text: string) =>
      cliOf('http://control.example', { fetch: async () => new Response(text, { status }) })('anna', 'status');
    for (const [status, text] of [
      [200, '<html>'],
      [404, '{}'],
      [302, ''],
      [502, 'bad gateway'],
    ] as const) {
      expect(await answering(status, text)).toMatchObject({ code: 3, err: expect.stringContaining('not_control') });
    }
    const busy = JSON.stringify({ code: 'store_unavailable', message: 'm', next: 'n' });
    expect((await answering(503, busy)).code).toBe(3);
    const steering = JSON.stringify({ code: 'held', message: 'a\u001b[2Jb', next: 'n' });
    expect((await answering(409, steering)).err).toBe('cutover: held: a [2Jb\nNext: n\n');
  });

  test('asks for what is missing, and takes only sound addresses and secrets', async () => {
    expect((await cli(['status'])).err).toContain('--control is missing, and AUTOPILOT_CONTROL is not set.');
    const env = { AUTOPILOT_CONTROL: 'ftp://x', AUTOPILOT_CLIENT_ID: 'a', AUTOPILOT_CLIENT_SECRET_FILE: 'nowhere' };
    expect((await cli(['status'], { env })).err).toContain('not an http(s) URL');
    expect((await cli(['status', '--control', 'http://u:p@x'], { env })).code).toBe(2);
    expect((await cli(['status', '--control', 'http://x', '--client-id', 'a:b'], { env })).code).toBe(2);
    const unread = await cli(['status', '--control', 'http://x'], { env });
    expect([unread.code, unread.err]).toEqual([2, expect.stringContaining('file_unreadable')]);
    expect(unread.err).toContain('ENOENT');
    expect((await cli(['plan', '--json'])).json).toMatchObject({ command: 'plan', exit: 2, error: { code: 'usage' } });
    expect((await cli(['plan'])).err).toContain('cutover help plan');
  });

  test('every code of control ends in a documented way', () => {
    expect(new Set(Object.values(exitCodes).map(({ code }) => code)).size).toBe(Object.keys(exitCodes).length);
    expect([
      endingOf('state_conflict', 409),
      endingOf('held', 409),
      endingOf('internal', 500),
      endingOf('x', 401),
    ]).toEqual(['stale', 'refused', 'unreachable', 'not-permitted']);
  });

  test('the README tells every exit code', () => {
    const readme = readFileSync(path.resolve(import.meta.dirname, '../../README.md'), 'utf8');
    const rows = [...readme.matchAll(/^\| (\d) +\| (.*?) +\|$/gm)].map(([, code, text]) => [Number(code), text]);
    expect(rows).toEqual(Object.values(exitCodes).map(({ code, text }) => [code, text]));
  });

  test('colours a terminal and nothing else', async () => {
    const it = await startCutover();
    for (const [world, coloured] of [
      [{ terminal: true }, true],
      [{ terminal: false }, false],
      [{ terminal: true, env: { NO_COLOR: '1' } }, false],
    ] as const) {
      const ran = await cliOf(it.control.url, world)('anna', 'status');
      expect(ran.out.includes('\u001b')).toBe(coloured);
    }
  });
});

describe('the program', () => {
  test('ends with its codes, prints one JSON document, no escape codes and no stack', async () => {
    const help = await start(['help'], { COLUMNS: '80' });
    expect(help).toMatchObject({ code: 0, err: '' });
    for (const { name } of commands) expect(help.out).toContain(`\n${name} `);
    expect(Math.max(...help.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const wrong = await start(['nonsense', '--json']);
    expect([wrong.code, JSON.parse(wrong.out).error.code, wrong.err]).toEqual([2, 'usage', '']);
    const it = await startCutover();
    const secret = path.join(temporaryFolder(), 'secret');
    writeFileSync(secret, 'anna');
    const env = {
      AUTOPILOT_CONTROL: it.control.url,
      AUTOPILOT_CLIENT_ID: 'anna',
      AUTOPILOT_CLIENT_SECRET_FILE: secret,
    };
    const status = await start(['status', '--json'], { ...env, FORCE_COLOR: '1' });
    expect([status.code, JSON.parse(status.out).result.state.stage]).toEqual([0, 0]);
    const refused = await start(['request', '--to', '2', '--reason', 'x'], env);
    expect(refused.code).toBe(1);
    expect(refused.out + refused.err).not.toMatch(/^ +at /m);
    for (const { out, err } of [status, refused]) expect(out + err).not.toContain('\u001b');
  }, 30_000);
});
