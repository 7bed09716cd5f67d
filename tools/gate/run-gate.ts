// The `gate` script of every package: runs the cases of each gate that its gates.json names and writes a signed receipt
// of each to `.gate/`. Exits 1 unless every verdict is pass.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createReceipt } from '../../packages/cutover-flags/src/gates/create-receipt.ts';
import type { GateId, GateObservation, Verdict } from '../../packages/cutover-flags/src/gates/gate.ts';
import type { SigningKey } from '../../packages/cutover-flags/src/gates/keys.ts';
import { gateFactsVariable } from '../../testing/src/gate-facts.ts';
import { packageVersions, sourceCommit } from './environment.ts';
import { signingKey } from './gate-key.ts';
import { type GateCases, readGates } from './gate-map.ts';
import { judgeRun, type RunEnd } from './judge-run.ts';

const root = path.join(import.meta.dirname, '..', '..');

/** Runs the cases of one gate in a jest of their own. */
function runCases({ tests, longest_seconds }: GateCases, cwd: string): RunEnd & { readonly output: string } {
  const scratch = mkdtempSync(path.join(tmpdir(), 'gate-'));
  const report = path.join(scratch, 'report.json');
  const facts = path.join(scratch, 'facts.jsonl');
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  try {
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest],
        ...[
          '--ci',
          '--maxWorkers=1',
          '--testTimeout=20000',
          '--json',
          `--outputFile=${report}`,
          '--runTestsByPath',
          ...tests,
        ],
      ],
      {
        cwd,
        // Standard output is the report once more.
        stdio: ['ignore', 'ignore', 'pipe'],
        encoding: 'utf8',
        env: { ...process.env, [gateFactsVariable]: facts },
        timeout: longest_seconds * 1_000,
        killSignal: 'SIGKILL',
      },
    );
    const text = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
    return { exit: status, report: text(report), facts: text(facts) ?? '', output: stderr };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs a gate, writes its receipt, and gives the verdict. */
function runGate(gate: GateId, cases: GateCases, cwd: string, commit: string | null, key: SigningKey): Verdict {
  const { output, ...end } = runCases(cases, cwd);
  const { module_schema, protocols, ...judged } = judgeRun(end, cases, Date.now());
  if (judged.verdict !== 'pass') process.stderr.write(output);
  const packages = packageVersions(root, path.relative(root, cwd));
  const environment = { packages, commit, module_schema, protocols };
  const observation: GateObservation = { gate, ...judged, environment };
  const receipt = createReceipt(observation, key);
  writeFileSync(path.join(cwd, '.gate', `${gate}.dsse.json`), `${JSON.stringify(receipt)}\n`);
  const seconds = ((judged.observed_to - judged.observed_from) / 1000).toFixed(1);
  process.stdout.write(
    `${gate}: ${judged.verdict}: ${judged.reason} (${seconds} s, observed ${new Date(judged.observed_to).toISOString()})\n`,
  );
  return judged.verdict;
}

function main(cwd: string): number {
  // First of all: what an earlier run saw must not be there when this one cannot begin.
  const folder = path.join(cwd, '.gate');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const { gates } = readGates(root, path.relative(root, cwd));
  const key = signingKey(root, process.env);
  // Asked before the cases run: what they leave behind is not the source.
  const commit = sourceCommit(root);
  const verdicts = [...gates].map(([gate, cases]) => runGate(gate, cases, cwd, commit, key));
  return verdicts.length > 0 && verdicts.every((verdict) => verdict === 'pass') ? 0 : 1;
}

process.exitCode = main(process.cwd());
