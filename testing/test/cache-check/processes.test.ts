import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startEmbedded } from '../../../packages/spacetime-embedded/src/index.ts';
import { allFaults } from '../../src/cache-check/faults.ts';
import type { Report } from '../../src/cache-check/report.ts';

// The command itself, with real processes. What is waited for are events, so a busy machine makes it slow, not wrong.
jest.setTimeout(240_000);

const entry = join(import.meta.dirname, '..', '..', 'src', 'cache-check', 'main.ts');
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'cache-check-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The summary of the JSON line; undefined when there was none. */
  readonly summary: (Pick<Report, 'verdict' | 'faults' | 'groups' | 'findings'> & { found: number }) | undefined;
}

async function checkCache(...args: readonly string[]): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', entry, '--json', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '', INIT_CWD: dir } },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr, summary: stdout === '' ? undefined : JSON.parse(stdout) };
}

describe('the cache check', () => {
  test('passes for our session under every fault, confirmed and not', async () => {
    const { code, summary, stderr } = await checkCache('--subscribers', '3', '--seconds', '6', '--out', 'session');
    expect({ code, verdict: summary?.verdict, stderr }).toMatchObject({ code: 0, verdict: 'pass' });
    for (const kind of allFaults) {
      expect(summary?.faults).toContainEqual(expect.objectContaining({ kind, made: expect.any(Number) }));
    }
    expect(summary?.faults.every(({ made }) => made > 0)).toBe(true);
    expect(summary?.groups.map(({ reads, subscribers }) => `${subscribers} ${reads}`)).toEqual([
      '2 confirmed',
      '1 unconfirmed',
    ]);
    const report = JSON.parse(readFileSync(join(dir, 'session', 'report.json'), 'utf8')) as Report;
    expect(report.lines.every(({ points }) => points.at(-1)?.n === report.transactions)).toBe(true);
    expect(readFileSync(join(dir, 'session', 'report.txt'), 'utf8')).toMatch(/^pass: 3 subscribers/);
    expect(readFileSync(join(dir, 'session', 'positions.svg'), 'utf8')).toMatch(/^<svg /);
  });

  test('fails for a subscriber that shows the halves of a transaction', async () => {
    const { code, summary, stderr } = await checkCache(
      ...['--subscribers', '2', '--seconds', '2', '--faults', 'cut', '--defect', 'split', '--out', 'defect'],
    );
    expect({ code, verdict: summary?.verdict, stderr }).toMatchObject({ code: 1, verdict: 'fail' });
    expect(summary?.findings.map(({ kind }) => kind)).toContain('split');
    expect(stderr).toContain('DEFECT split');
  });

  test('passes for streams that are followed over kills of reader and server', async () => {
    const { code, summary, stderr } = await checkCache(
      ...['--workload', 'streams', '--subscribers', '2', '--seconds', '3', '--faults', 'kill,cut,kill-server'],
      ...['--out', 'streams'],
    );
    expect({ code, verdict: summary?.verdict, stderr }).toMatchObject({ code: 0, verdict: 'pass' });
    expect(summary?.groups.every(({ counts }) => counts.runs > 0 && counts.states >= 20)).toBe(true);
  });

  test('checks a server that runs already, official client included, and touches no database that is there', async () => {
    const host = await startEmbedded({ database: 'checked', listen: '127.0.0.1:0' });
    try {
      const token = join(dir, 'owner.token');
      writeFileSync(token, `${host.ownerToken}\n`);
      const target = ['--uri', host.url, '--database', 'checked', '--token-file', token, '--out', 'uri'];
      const first = await checkCache(
        ...['--subscribers', '4', '--seconds', '3', '--client', 'both', '--sdk-compression', 'none'],
        ...['--faults', 'kill,cut,partial,stall', ...target],
      );
      expect({ code: first.code, verdict: first.summary?.verdict, stderr: first.stderr }).toMatchObject({
        ...{ code: 0, verdict: 'pass' },
      });
      const groups = first.summary?.groups.map(({ client, reads }) => `${client} ${reads}`);
      expect(groups).toEqual(['session confirmed', 'session unconfirmed', 'sdk confirmed', 'sdk unconfirmed']);
      const second = await checkCache(...target);
      expect(second).toMatchObject({ code: 3, stderr: expect.stringContaining('database_exists') });
    } finally {
      await host.close();
    }
  });

  test('says in one line what is wrong with the command line, and when there is no server', async () => {
    expect(await checkCache('--subscribers', 'many')).toMatchObject({ code: 2, stdout: '' });
    const away = await checkCache('--uri', 'http://127.0.0.1:1', '--out', 'away');
    expect(away).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/^http.* does not answer\.\nserver_unreachable: /),
    });
  });
});
