import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type EvidenceBundle, type TrustedKey, verifyBundle } from '@autopilot/cutover-flags';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Report } from '../../src/rehearse/report.ts';

jest.setTimeout(900_000);

const main = path.join(import.meta.dirname, '..', '..', 'src', 'rehearse', 'main.ts');

/** Runs the rehearsal as `pnpm cutover rehearse` does. */
function run(args: readonly string[]) {
  const node = ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', main];
  const child = spawn(process.execPath, [...node, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += String(data);
  });
  child.stderr.on('data', (data) => {
    stderr += String(data);
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { ended, child, stderr: () => stderr };
}

let out: string;
beforeAll(() => {
  out = mkdtempSync(path.join(tmpdir(), 'rehearse-e2e-'));
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

const json = <Value>(name: string) => JSON.parse(readFileSync(path.join(out, name), 'utf8')) as Value;

describe('cutover rehearse --quick', () => {
  test('goes from Stage 0 to the seal without a lost or repeated event, and catches every seeded defect', async () => {
    const { code, stdout, stderr } = await run(['--quick', '--json', '--out', out]).ended;
    expect({ code, stderr: code === 0 ? '' : stderr.slice(-6000) }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, failed: [] });
    const report = json<Report>('report.json');
    expect(report).toMatchObject({ ok: true, stopped_by: null, differences: [] });
    const { measurement } = report;
    expect(measurement).toMatchObject({ lost: 0, repeated: 0, unequal_chains: 0, faults: [], units: 12 });
    expect(measurement?.applied).toBe((measurement?.published ?? 0) * 12);
    expect(measurement?.applied).toBeGreaterThanOrEqual(50_000);
    const names = report.checks.filter(({ ok }) => ok).map(({ name }) => name);
    for (const defect of ['divergence', 'loss', 'duplicate']) {
      expect(names).toContain(`${defect}: the parity gate fails`);
      expect(names).toContain(`${defect}: the plan is not ready`);
      expect(names).toContain(`${defect}: advancing the approved request is refused`);
    }
    expect(names).toContain('Stage 2 opened no connection of a desktop to khala');
    expect(names).toContain('Stage 3 opened no connection to khala, control included');
    expect(names).toContain('Stage 3 is sealed');
    const flips = report.marks.filter(({ kind }) => kind === 'flip').map(({ text }) => text);
    expect(flips).toEqual(['to Stage 1', 'to Stage 2', 'to Stage 2', 'to Stage 3', 'sealed']);
    expect(report.marks.filter(({ kind }) => kind === 'rollback')).toHaveLength(2);
    expect(report.marks.filter(({ kind }) => kind === 'fault').length).toBeGreaterThanOrEqual(4);
    expect(report.samples.map(({ stage }) => stage)).toEqual(expect.arrayContaining([0, 1, 2, 3]));
  });

  test('leaves evidence that verifies, and that no longer does when it is changed', () => {
    const evidence = json<{ bundle: EvidenceBundle; keys: TrustedKey[] }>('evidence.json');
    expect(verifyBundle(evidence.bundle, evidence.keys)).toEqual([]);
    const audit = evidence.bundle.audit.map((record, index) =>
      index === 3 ? { ...record, actor: 'mallory' } : record,
    );
    expect(verifyBundle({ ...evidence.bundle, audit }, evidence.keys)).not.toEqual([]);
    expect(readdirSync(path.join(out, 'policies')).length).toBeGreaterThan(10);
    for (const name of ['report.html', 'audit.ndjson', 'chains.json', 'parity-khala-spacetime.json', 'jwks.json']) {
      expect({ name, there: existsSync(path.join(out, name)) }).toEqual({ name, there: true });
    }
  });

  test('ends everything on an interrupt and says so', async () => {
    const { ended, child, stderr } = run(['--quick', '--out', path.join(out, 'interrupted')]);
    await new Promise<void>((resolve) => {
      child.stderr.on('data', () => {
        if (stderr().includes('starting fleet-1')) resolve();
      });
      child.once('close', () => resolve());
    });
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
    expect(children.length).toBeGreaterThan(2);
    child.kill('SIGINT');
    const { code } = await ended;
    expect(code).toBe(1);
    expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  });

  test('a mistake on the command line is one line and code 2', async () => {
    const { code, stdout, stderr } = await run(['--desktops', 'some']).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--desktops');
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
