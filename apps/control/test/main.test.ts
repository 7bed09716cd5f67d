import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { identityOf } from '../src/identity.ts';
import { atEnd } from './support/cleanup.ts';
import { clients } from './support/harness.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

// Each start of the program loads all of it, which takes long on a busy machine.
jest.setTimeout(90_000);

// The program as it is started, in processes of its own.

const folder = temporaryFolder();
const clientsFile = path.join(folder, 'clients.json');
const calls: string[] = [];
let spacetime: string;

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
}

function run(...args: string[]): Run {
  const main = path.join(import.meta.dirname, '../src/main.ts');
  const child = spawn(process.execPath, ['--conditions=@autopilot/source', main, ...args], { stdio: 'pipe' });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => {
    out += String(data);
  });
  child.stderr.on('data', (data) => {
    err += String(data);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  atEnd(() => child.kill('SIGKILL'));
  return { child, out: () => out, err: () => err, ended };
}

const options = (overrides: Record<string, string> = {}): string[] =>
  Object.entries({
    listen: '127.0.0.1:0',
    'data-dir': path.join(folder, 'data'),
    issuer: 'http://127.0.0.1:1/control',
    spacetime,
    database: 'autopilot',
    clients: clientsFile,
    ...overrides,
  }).flatMap(([name, value]) => [`--${name}`, value]);

beforeAll(async () => {
  writeFileSync(clientsFile, JSON.stringify({ clients }));
  // As much of a host as the start needs: it answers what the owner asks for, and refuses the websocket.
  const server = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.writeHead(request.url?.endsWith('/call/configure') ? 200 : 404).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => server.close());
  spacetime = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

describe('main.ts', () => {
  test('serves, says so in one line, and ends cleanly on SIGTERM', async () => {
    const control = run(...options(), '--ready-json');
    const line = await new Promise<string>((resolve) =>
      control.child.stdout?.once('data', (data) => resolve(String(data))),
    );
    const ready = JSON.parse(line);
    expect(ready).toEqual({ ready: 'control', url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    expect(calls).toContain('POST /v1/database/autopilot/call/configure');
    const health = JSON.parse(await (await fetch(`${ready.url}/healthz`)).text());
    expect(health).toMatchObject({ status: 'degraded', store: { ok: true } });
    expect(health.sink.state).not.toBe('live');

    // Meanwhile nobody else may have its port or its folder.
    const port = String(new URL(ready.url).port);
    const second = run(...options({ 'data-dir': path.join(folder, 'second'), listen: `127.0.0.1:${port}` }));
    const third = run(...options());
    expect(await second.ended).toBe(1);
    expect(lastLine(second)).toMatch(/^control: port_in_use: Port \d+ .* --listen\.$/);
    expect(await third.ended).toBe(1);
    expect(lastLine(third)).toContain('data_dir_unusable');
    expect(lastLine(third)).toContain('another control is using it');

    control.child.kill('SIGTERM');
    expect(await control.ended).toBe(0);
    expect(control.out()).toBe(line);
    expect(control.err()).not.toContain('    at ');

    const moved = run(...options({ issuer: 'http://127.0.0.1:2/other' }));
    expect(await moved.ended).toBe(1);
    expect(lastLine(moved)).toContain('control: issuer_changed:');
    expect(lastLine(moved)).toContain('http://127.0.0.1:1/control');
  });

  test('stops on SIGTERM while it waits for the database', async () => {
    const waiting = run(...options({ 'data-dir': path.join(folder, 'waiting'), spacetime: 'http://127.0.0.1:9' }));
    await new Promise<void>((resolve) => {
      waiting.child.stderr?.on('data', () => waiting.err().includes('waiting for the database') && resolve());
    });
    expect(waiting.err()).toContain('Nothing answers at http://127.0.0.1:9.');
    waiting.child.kill('SIGTERM');
    expect(await waiting.ended).toBe(0);
    expect(waiting.out()).toBe('');
  });

  test('prints the identity of the owner', async () => {
    const printed = run('--print-owner-identity', '--issuer', 'https://control.example');
    expect(await printed.ended).toBe(0);
    expect(printed.out()).toBe(`${identityOf('https://control.example', 'control-owner')}\n`);
  });

  test('answers a mistake with one line and a status', async () => {
    const unknown = run(...options(), '--colour');
    const missing = run(...options({ clients: path.join(folder, 'none.json') }));
    expect(await unknown.ended).toBe(2);
    expect(unknown.err()).toMatch(/^control: usage: Unknown option '--colour'.*\n$/);
    expect(await missing.ended).toBe(1);
    expect(missing.err()).toMatch(/^control: clients_file_invalid: .*none\.json cannot be read \(ENOENT\)\. .*\n$/);
  });
});

function lastLine({ err }: Run): string {
  return err().trimEnd().split('\n').at(-1) ?? '';
}
