import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@autopilot/testing';
import { afterEach, expect, jest, test } from '@jest/globals';
import { wantedGates } from '../../src/rehearse/gate-receipts.ts';
import { writeReceipts } from '../rehearse/receipts.ts';
import { childrenOf, isAlive } from './command.ts';

// The rehearsal itself is a step of its own in `.ci/run`, after the gates whose receipts it submits: it wants the machine.

jest.setTimeout(180_000);

const main = path.join(import.meta.dirname, '..', '..', 'src', 'rehearse', 'main.ts');
const node = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', main];

let child: ChildProcess | undefined;
let folder: string | undefined;
afterEach(async () => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await new Promise((resolve) => child?.once('close', resolve));
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** Starts a rehearsal and keeps what it says. */
function rehearse(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const started = spawn(process.execPath, [...node, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  child = started;
  const said = { stdout: '', stderr: '' };
  started.stdout.on('data', (data) => {
    said.stdout += String(data);
  });
  started.stderr.on('data', (data) => {
    said.stderr += String(data);
  });
  const ended = new Promise<number | null>((resolve) => started.once('close', resolve));
  return { said, ended, pid: started.pid ?? 0, signal: (name: NodeJS.Signals) => started.kill(name) };
}

test('a mistake on the command line is one line and code 2', async () => {
  const { said, ended } = rehearse(['--desktops', 'some']);
  expect({ code: await ended, stdout: said.stdout }).toEqual({ code: 2, stdout: '' });
  expect(said.stderr).toContain('--desktops');
  expect(said.stderr).not.toMatch(/^\s+at /m);
});

test.each([
  ['while its parts are started', 'starting control', ['khala', 'spacetime'], 'fleet-1'],
  ['in the middle', '== Stage 0: gates', ['khala', 'spacetime', 'control', 'fleet-1', 'real-1', 'real-2'], 'canary'],
])('an interrupt %s ends every process, and the report says what was seen', async (_when, moment, parts, later) => {
  folder = mkdtempSync(path.join(tmpdir(), 'rehearse-test-'));
  const [receipts, out, temporary] = ['receipts', 'out', 'tmp'].map((name) => path.join(folder ?? '', name));
  writeReceipts(receipts ?? '', wantedGates);
  mkdirSync(temporary ?? '');
  const args = ['--quick', '--json', '--receipts', receipts ?? '', '--out', out ?? ''];
  const { said, ended, pid, signal } = rehearse(args, { ...process.env, TMPDIR: temporary });
  const reached = () => said.stderr.includes(moment) || !isAlive(pid);
  await waitFor(reached, { describe: () => `"${moment}" in ${said.stderr.slice(-2000)}`, timeoutMs: 120_000 });
  const started = childrenOf(pid);
  expect(started.length).toBeGreaterThanOrEqual(parts.length);
  signal('SIGINT');
  const from = performance.now();
  // Ctrl-C pressed again changes nothing.
  signal('SIGINT');
  expect(await ended).toBe(1);
  expect(performance.now() - from).toBeLessThan(30_000);

  expect(started.filter(isAlive)).toEqual([]);
  for (const part of parts) expect(said.stderr).toContain(`starting ${part}`);
  expect(said.stderr).not.toContain(`starting ${later}`);
  expect(readdirSync(temporary ?? '')).toEqual([]);
  const report = JSON.parse(readFileSync(path.join(out ?? '', 'report.json'), 'utf8'));
  expect(report).toMatchObject({ form: 'autopilot.cutover-rehearsal.v1', ok: false, stopped_by: 'interrupted' });
  expect(report.phases[0].name).toBe('start');
  expect(report.checks.at(-1)).toMatchObject({ name: 'the rehearsal went the whole way', ok: false });
  expect(readFileSync(path.join(out ?? '', 'report.html'), 'utf8')).toContain('Stopped by: interrupted');
  expect(existsSync(path.join(out ?? '', 'logs'))).toBe(true);
  expect(JSON.parse(said.stdout)).toMatchObject({ ok: false, stopped_by: 'interrupted' });
  expect(said.stderr.trim().split('\n').at(-1)).toMatch(/^interrupted: every process is ended; .*out$/);
  expect(said.stderr).not.toMatch(/^\s+at /m);
});
