import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseOptions, usage } from '../src/cli/parse-options.ts';
import { type StartEmbeddedOptions, startEmbedded } from '../src/start-embedded.ts';
import { childEnvironment } from './support/child-environment.ts';

const entry = join(import.meta.dirname, '..', 'src', 'main.ts');
const running: ChildProcess[] = [];
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'embedded-main-'));
});

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(dir, { recursive: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly exited: Promise<number | null>;
  /** Resolves when a line is on stdout. */
  readonly line: Promise<string>;
}

function run(...args: readonly string[]): Run {
  const child = spawn(process.execPath, ['--conditions=@autopilot/source', entry, ...args], {
    stdio: 'pipe',
    env: childEnvironment,
  });
  running.push(child);
  let out = '';
  let err = '';
  const line = new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')));
    });
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { child, out: () => out, err: () => err, exited, line };
}

describe('the command', () => {
  test('C1 says where it listens, keeps its owner over a restart and ends with 0 on a signal', async () => {
    const args = ['--database', 'test-db', '--listen', '127.0.0.1:0', '--data-dir', join(dir, 'data'), '--ready-json'];
    const identities: unknown[] = [];
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const host = run(...args);
      const ready = JSON.parse(await host.line);
      expect(ready).toEqual({
        ready: 'spacetime-embedded',
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
        database: 'test-db',
        identity: expect.stringMatching(/^c200[0-9a-f]{60}$/),
      });
      identities.push(ready.identity);
      expect((await fetch(`${ready.url}/v1/ping`)).status).toBe(200);
      const token = readFileSync(join(dir, 'data', 'owner.token'), 'utf8').trim();
      const made = await fetch(`${ready.url}/v1/identity/websocket-token`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      });
      expect(made.status).toBe(200);
      host.child.kill(signal);
      expect(await host.exited).toBe(0);
      expect(host.err()).toBe('');
    }
    expect(identities[0]).toBe(identities[1]);
  });

  test('C2 a mistake on the command line: one line and exit 2; a taken port: one line and exit 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const runs = [
      { host: run('--nonsense'), code: 'usage', status: 2 },
      {
        host: run('--database', 'test-db', '--in-memory', '--listen', `127.0.0.1:${port}`),
        code: 'port_taken',
        status: 1,
      },
    ];
    for (const { host, code, status } of runs) {
      expect(await host.exited).toBe(status);
      expect(host.err()).toMatch(new RegExp(`^spacetime-embedded: ${code}: [^\\n]+\\n$`));
      expect(host.out()).toBe('');
    }
    server.close();
  });
});

describe('options', () => {
  test.each([
    [['--database', 'test-db', '--listen', '127.0.0.1:0']],
    [['--database', 'test-db', '--listen', '127.0.0.1:0', '--in-memory', '--data-dir', 'x']],
    [['--database', 'test-db', '--in-memory']],
    [['--listen', '127.0.0.1:0', '--in-memory']],
    [['--database']],
    [['stray']],
  ])('C3 %j is refused', (args) => {
    expect(() => parseOptions(args)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test('C3 the rest comes through, and --help needs nothing else', () => {
    const args = ['--database', 'd', '--listen', 'h:1', '--in-memory', '--module', 'm.js', '--owner', 'c2'];
    expect(parseOptions(args)).toEqual({
      kind: 'serve',
      anybodyMayPublish: false,
      salvage: false,
      module: 'm.js',
      database: 'd',
      listen: 'h:1',
      dataDir: undefined,
      owner: 'c2',
      readyJson: false,
    });
    expect(parseOptions(['--help'])).toEqual({ kind: 'help' });
    expect(usage).toContain('--ready-json');
  });

  test('C4 what cannot be used is refused by a code before anything listens', async () => {
    const bad = join(dir, 'bad.js');
    writeFileSync(bad, 'export default 1;');
    const good = { database: 'test-db', listen: '127.0.0.1:0' };
    const cases: [Partial<StartEmbeddedOptions>, string][] = [
      [{ database: 'Test_DB' }, 'invalid_database_name'],
      [{ listen: 'here' }, 'invalid_listen_address'],
      [{ listen: '127.0.0.1:65536' }, 'invalid_listen_address'],
      [{ owner: 'c200' }, 'invalid_identity'],
      [{ module: join(dir, 'missing.js') }, 'module_unreadable'],
      [{ module: bad }, 'module_invalid'],
      [{ dataDir: join(bad, 'below') }, 'data_dir_unusable'],
      [{ listen: '192.0.2.1:1' }, 'listen_failed'],
    ];
    for (const [wrong, code] of cases) {
      await expect(startEmbedded({ ...good, ...wrong })).rejects.toMatchObject({ code });
    }
  });
});
