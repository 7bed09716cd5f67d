import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@autopilot/testing';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { claimablePort } from '../../src/free-port.ts';
import { hostPart, ownerIdentity } from '../../src/lane-parts.ts';
import { startPart } from '../../src/part.ts';
import { childrenOf, endLaunchers, isAlive, runLauncher } from './command.ts';

jest.setTimeout(180_000);

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'autopilot-start-'));
});
afterEach(endLaunchers);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const freePorts = ['--control-port', '0', '--desktop-port', '0', '--spacetime-port', '0'];

describe('npm start -- --once', () => {
  test('publishes the recording, applies all of it, and prints one JSON line', async () => {
    const { code, stdout, stderr } = await runLauncher(['--once']).ended;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(1);
    const report = JSON.parse(lines[0] ?? '');
    expect(Object.keys(report)).toEqual(['published', 'applied', 'duplicates', 'gaps', 'chain', 'p50_ms', 'p99_ms']);
    expect(report.published).toBeGreaterThan(100);
    expect(report.applied).toBe(report.published);
    expect(report.chain).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a second run on a kept folder verifies what both runs have published', async () => {
    const port = String(await claimablePort(0, ''));
    const args = ['--once', '--data-dir', path.join(scratch, 'twice'), ...freePorts, '--control-port', port];
    const reports = [];
    for (let run = 0; run < 2; run += 1) {
      const { code, stdout, stderr } = await runLauncher(args).ended;
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      reports.push(JSON.parse(stdout));
    }
    expect(reports[1].published).toBe(2 * reports[0].published);
    expect(reports[1].applied).toBe(reports[1].published);
    expect(reports[1].chain).not.toBe(reports[0].chain);
  });

  test('refuses an empty recording with its reason: an empty run would prove nothing', async () => {
    const empty = path.join(scratch, 'empty.jsonl');
    writeFileSync(empty, '');
    const { code, stdout, stderr } = await runLauncher(['--once', '--feed-file', empty]).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/recording_unusable: .*empty/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('gives up when nothing moves for too long, and keeps the data folder to look at', async () => {
    const { code, stdout, stderr } = await runLauncher(['--once', '--pace', '2000', '--patience', '0']).ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/Nothing moved for 0 s[\s\S]*no_progress:/);
    const kept = /The data folder is kept: (.+)/.exec(stderr)?.[1] ?? '';
    expect(existsSync(path.join(kept, 'spacetime'))).toBe(true);
    rmSync(kept, { recursive: true });
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('npm start -- --spacetime URI', () => {
  test('publishes the module to a host that somebody else runs, and the feed flows through it', async () => {
    const controlPort = await claimablePort(0, '');
    const owner = await ownerIdentity(`http://127.0.0.1:${controlPort}`);
    const spec = hostPart({ dataDir: path.join(scratch, 'theirs'), database: 'theirs', owner, port: 0 });
    // Without the module: the database does not exist before control publishes it.
    const args = spec.args.filter((arg, index) => arg !== '--module' && spec.args[index - 1] !== '--module');
    const host = await startPart({ ...spec, args }, { log: () => {}, readyWithinMs: 60_000, graceMs: 10_000 });
    const external = ['--spacetime', host.ready.url, '--database', 'theirs', '--publish'];
    const { code, stdout, stderr } = await runLauncher(['--once', '--control-port', String(controlPort), ...external])
      .ended;
    await host.stop();
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout);
    expect(report.applied).toBe(report.published);
  });
});

describe('npm start', () => {
  test('prints the URLs, keeps running, and Ctrl-C leaves no process', async () => {
    const command = runLauncher(['--data-dir', path.join(scratch, 'kept'), '--feed', 'none', ...freePorts]);
    await waitFor(() => /health page\s+http:\/\/127\.0\.0\.1:\d+\//.test(command.stdout()), {
      timeoutMs: 60_000,
      describe: () => command.stderr(),
    });
    const parts = childrenOf(command.pid);
    expect(parts.length).toBe(3);
    const page = /health page\s+(\S+)/.exec(command.stdout())?.[1] ?? '';
    // The token of the printed URL becomes a cookie, and leaves the address.
    const login = await fetch(page, { redirect: 'manual' });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    const response = await fetch(new URL(login.headers.get('location') ?? '', page), { headers: { cookie } });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('<div id="root">');
    command.signal('SIGINT');
    const { code } = await command.ended;
    expect(code).toBe(0);
    expect(parts.filter(isAlive)).toEqual([]);
  });

  test('a killed launcher leaves no process either', async () => {
    const command = runLauncher(['--data-dir', path.join(scratch, 'killed'), '--feed', 'none', ...freePorts]);
    await waitFor(() => command.stdout().includes('health page'), {
      timeoutMs: 60_000,
      describe: () => command.stderr(),
    });
    const parts = childrenOf(command.pid);
    command.signal('SIGKILL');
    await waitFor(() => parts.every((pid) => !isAlive(pid)), { timeoutMs: 30_000, describe: () => `${parts}` });
  });
});

describe('bad input', () => {
  const cases: [string, string[], number, RegExp][] = [
    ['an unknown option', ['--frobnicate'], 2, /--frobnicate[\s\S]*usage:/],
    ['a data folder that is a file', ['--data-dir', import.meta.filename, ...freePorts], 1, /data_dir_unusable/],
  ];
  test.each(cases)('%s is one clear message', async (_name, args, wanted, pattern) => {
    const { code, stdout, stderr } = await runLauncher(args).ended;
    expect({ code, stdout }).toEqual({ code: wanted, stdout: '' });
    expect(stderr).toMatch(pattern);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a taken port is one clear message that names the option', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, stderr } = await runLauncher([
      ...['--data-dir', path.join(scratch, 'taken'), ...freePorts, '--control-port', String(port)],
    ]).ended;
    server.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`Port ${port} is taken.*--control-port`));
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
