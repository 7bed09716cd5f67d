import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { verifyReceipt } from '../../packages/cutover-flags/src/gates/verify-receipt.ts';
import { trustedKeys } from '../gate/gate-key.ts';
import { readGates } from '../gate/gate-map.ts';
import { describe as inWords, summarise } from '../gate/summary.ts';
import { type FileTree, withTree } from './temporary-folder.ts';

const script = path.join(import.meta.dirname, '..', 'gate', 'run-gate.ts');
const recorded = "require('node:fs').appendFileSync(process.env.AUTOPILOT_GATE_FACTS, '{\"events\":5}\\n');";

function packageWith(cases: string): FileTree {
  return {
    'package.json': { name: 'fixture', version: '3.2.1' },
    'jest.config.json': {},
    'gates.json': { rulebook: { tests: ['test/a.test.js'], minimum_cases: 2, minimum_events: 5 } },
    'test/a.test.js': cases,
  };
}

/** Runs the gates of a package in a folder, with keys of its own. */
function run(folder: string) {
  const env = { ...process.env, AUTOPILOT_GATE_FOLDER: path.join(folder, 'keys') };
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', script],
    { cwd: folder, env, encoding: 'utf8' },
  );
  const file = path.join(folder, '.gate', 'rulebook.dsse.json');
  const receipt = () => verifyReceipt(JSON.parse(readFileSync(file, 'utf8')), trustedKeys('', env)).observation;
  return { status, stdout, env, file, receipt };
}

describe('the gate script of a package', () => {
  test('signs what passed, with the versions that ran', async () => {
    await withTree(packageWith(`test('one', () => {}); test('two', () => { ${recorded} });`), (folder) => {
      const { status, stdout, receipt } = run(folder);
      expect(stdout).toMatch(/^rulebook: pass: 2 cases passed over 5 events\./);
      expect(status).toBe(0);
      expect(receipt()).toMatchObject({
        gate: 'rulebook',
        verdict: 'pass',
        case_names: ['one', 'two'],
        counts: { cases: 2, failed: 0, skipped: 0, events: 5 },
        environment: { packages: { fixture: '3.2.1' }, module_schema: null },
      });
      const { observed_from, observed_to } = receipt();
      expect(observed_to).toBeGreaterThanOrEqual(observed_from);
      expect(Date.now() - observed_from).toBeLessThan(60_000);
    });
  });

  test.each([
    ['fail', `test('one', () => { ${recorded} }); test('two', () => { throw new Error('no'); });`],
    ['inconclusive', `test('one', () => { ${recorded} }); test('two', () => {}); test.skip('three', () => {});`],
    ['inconclusive', "test('one', () => {}); test('two', () => {});"],
    ['inconclusive', 'this is no program'],
    [
      'inconclusive',
      `test('one', () => { ${recorded} }); test('two', () => { process.kill(process.pid, 'SIGKILL'); });`,
    ],
  ])('exits 1 with the verdict %s for: %s', async (verdict, cases) => {
    await withTree(packageWith(cases), (folder) => {
      const { status, receipt } = run(folder);
      expect(status).toBe(1);
      expect(receipt().verdict).toBe(verdict);
    });
  });

  test('leaves no receipt of an earlier run when it cannot begin', async () => {
    await withTree(packageWith(`test('one', () => {}); test('two', () => { ${recorded} });`), (folder) => {
      expect(run(folder).status).toBe(0);
      writeFileSync(path.join(folder, 'gates.json'), '{}');
      const again = run(folder);
      expect(again.status).toBe(1);
      expect(existsSync(again.file)).toBe(false);
    });
  });

  test('the summary believes its receipt, and neither a changed one nor one of another key or gate', async () => {
    await withTree(packageWith(`test('one', () => {}); test('two', () => { ${recorded} });`), (folder) => {
      const { env, file } = run(folder);
      const packages = [readGates(folder, '')];
      const look = (keys = trustedKeys('', env)) => summarise(folder, packages, keys)[0];
      expect(look()).toMatchObject({ outcome: 'pass', gate: 'rulebook' });
      const good = look();
      if (good === undefined) throw new Error('unreachable');
      expect(inWords(good, 0)).toContain('2 cases, 5 events, now');
      expect(inWords(good, Date.now() + 1000)).toMatch(/cached: observed 20/);
      expect(look([])).toMatchObject({ outcome: 'unverified' });
      const receipt = JSON.parse(readFileSync(file, 'utf8'));
      const changed = Buffer.from(receipt.payload, 'base64').toString().replace('"cases":2', '"cases":9');
      writeFileSync(file, JSON.stringify({ ...receipt, payload: Buffer.from(changed).toString('base64') }));
      expect(look()).toMatchObject({ outcome: 'unverified' });
      writeFileSync(file, 'not JSON');
      expect(look()).toMatchObject({ outcome: 'unverified' });
    });
  });

  test('a package without a receipt has not run', async () => {
    await withTree(packageWith(''), (folder) => {
      expect(summarise(folder, [readGates(folder, '')], [])).toMatchObject([{ outcome: 'not-run' }]);
    });
  });
});
