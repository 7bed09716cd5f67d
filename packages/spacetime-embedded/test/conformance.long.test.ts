import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { allCases } from '../src/conformance/all-cases.ts';
import type { ConformanceCase } from '../src/conformance/case.ts';
import { Difference, NotApplicable } from '../src/conformance/expectation.ts';
import { ownerFor } from '../src/conformance/owner.ts';
import { parseConformanceOptions, usage } from '../src/conformance/parse-options.ts';
import { caseLine, summaryText } from '../src/conformance/report-text.ts';
import { runSuite } from '../src/conformance/run-suite.ts';
import { sectionsTable } from '../src/conformance/sections-table.ts';
import { ServerUnderTest } from '../src/conformance/server-under-test.ts';
import { type EmbeddedHost, startEmbedded } from '../src/start-embedded.ts';
import { childEnvironment } from './support/child-environment.ts';

/** What this host does not do; SPEC.md says so too. */
const different: readonly string[] = [];

let host: EmbeddedHost;
let server: ServerUnderTest;

beforeAll(async () => {
  host = await startEmbedded({ database: 'none', listen: '127.0.0.1:0', anybodyMayPublish: true });
  server = new ServerUnderTest(host.url, 'test', await ownerFor(host.url, undefined), systemPorts);
});

afterAll(async () => {
  await host.close();
});

const one = (run: ConformanceCase['run']): ConformanceCase => ({
  id: 'group/case',
  title: 'a case',
  section: 'http.call',
  run,
});
const verdictOf = async (...runs: readonly ConformanceCase['run'][]) =>
  (await runSuite(server, runs.map(one), systemPorts)).verdict;

describe('the conformance suite', () => {
  test('V1 the embedded host passes every case but those that are named here, and leaves nothing behind', async () => {
    const report = await runSuite(server, allCases, systemPorts);
    const others = report.cases.filter(({ id, outcome }) => outcome !== 'pass' && !different.includes(id));
    expect(others.map(caseLine)).toEqual([]);
    expect([report.totals.pass, report.left]).toEqual([allCases.length - different.length, []]);
    const { body } = await server.request('GET', `/v1/identity/${server.owner.identity}/databases`);
    expect(JSON.parse(body)).toEqual({ identities: [] });
  }, 180_000);

  test('V2 one difference is enough to differ, and what has not run conforms to nothing', async () => {
    const pass = () => Promise.resolve();
    const fail = () => Promise.reject(new Difference('it does not'));
    const skip = () => Promise.reject(new NotApplicable('it need not'));
    const unreachable = () => Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    expect(await verdictOf(pass, skip)).toBe('conforms');
    expect(await verdictOf(pass, fail)).toBe('differs');
    expect(await verdictOf(() => Promise.reject(new TypeError('a bug of the case')))).toBe('differs');
    const impatient = {
      ...systemPorts,
      scheduler: { after: (_: number, task: () => void) => systemPorts.scheduler.after(0, task) },
    };
    const hanging = await runSuite(server, [one(() => new Promise(() => undefined))], impatient);
    expect([hanging.verdict, hanging.cases[0]?.reason]).toEqual([
      'differs',
      expect.stringContaining('did not come to an end'),
    ]);
    expect(await verdictOf(skip)).toBe('inconclusive');
    expect(await verdictOf()).toBe('inconclusive');
    expect(await verdictOf(pass, unreachable, pass)).toBe('inconclusive');
  });

  test('V3 every case has an id of its own, and CONFORMANCE.md the table of the sections', () => {
    expect(new Set(allCases.map(({ id }) => id)).size).toBe(allCases.length);
    expect(readFileSync(new URL('../CONFORMANCE.md', import.meta.url), 'utf8')).toContain(sectionsTable(allCases));
  });

  test('V4 a report says what failed, why, and where it is written down', async () => {
    const report = await runSuite(server, [one(() => Promise.reject(new Difference('it does not')))], systemPorts);
    expect(report.cases.map(caseLine).join()).toMatch(
      /^FAIL {2}group\/case .* a case\n +it does not\n +https:.*http\/database$/,
    );
    expect(summaryText({ ...report, left: ['x-1'] })).toMatch(/0 pass, 1 fail, 0 not applicable: differs\n.*x-1$/);
  });
});

const entry = join(import.meta.dirname, '..', 'src', 'conformance', 'main.ts');

/** Runs the command to its end. Gives the exit code and what it printed. */
async function command(...args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['--conditions=@autopilot/source', entry, ...args], { env: childEnvironment });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (printed.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (printed.err += chunk.toString()));
  const [code] = await once(child, 'close');
  return { code, ...printed };
}

describe('its command line', () => {
  test('C6 asks a server that runs, with a token, and exits by what it found', async () => {
    const token = join(mkdtempSync(join(tmpdir(), 'conformance-')), 'owner.token');
    writeFileSync(token, `${host.ownerToken}\n`);
    const some = ['--only', 'http/ping', '--only', 'http/info'];
    const [pass, none, unreachable, mistake] = await Promise.all([
      command('--uri', host.url, '--owner-token', token, '--json', ...some),
      command('--uri', host.url, '--only', 'no such case'),
      command('--uri', 'http://127.0.0.1:1'),
      command('--uri', 'nowhere'),
    ]);
    expect(JSON.parse(pass.out)).toMatchObject({ verdict: 'conforms', totals: { pass: 2 }, left: [] });
    expect([pass.code, none.code, unreachable.code, mistake.code]).toEqual([0, 3, 3, 2]);
    expect(unreachable.out).toContain('ECONNREFUSED');
    expect(mistake.err).toMatch(/^spacetime-conformance: usage: .*--help/);
    rmSync(dirname(token), { recursive: true });
  }, 30_000);

  test('C5 options come through, and a mistake is refused by a code', () => {
    const parsed = parseConformanceOptions([
      '--uri',
      'http://h:1',
      '--database',
      'mine',
      '--only',
      'a',
      '--only',
      'b',
      '--json',
    ]);
    expect(parsed).toEqual({
      kind: 'run',
      uri: 'http://h:1',
      prefix: 'mine',
      ownerToken: undefined,
      only: ['a', 'b'],
      isJson: true,
    });
    expect(parseConformanceOptions(['--help']).kind).toBe('help');
    expect(usage).toContain('--owner-token');
    for (const args of [['--uri', 'h:1'], ['--database', 'No Name'], ['--nope']]) {
      expect(() => parseConformanceOptions(args)).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});
