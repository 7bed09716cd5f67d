// `pnpm stage3`: the proof that removal is deletion. Builds and tests the apps in a copy of the repository without the
// khala lane, and signs what it saw as the receipt of the gate `removal`, in `.gate/removal.dsse.json`.
//
//   --commit REF   the tracked files of a commit instead of those of the work tree
//   --keep         leaves the copy, and says where it is
//   --no-tests     leaves the tests of the apps out; the receipt is then at best inconclusive
//   --list         shows every place that still speaks of the lane
//
// Exits 1 when the apps do not live without the lane. The receipt is stricter: it passes only when nothing in the
// repository speaks of the lane any more.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createReceipt } from '../../packages/cutover-flags/src/gates/create-receipt.ts';
import type { GateObservation } from '../../packages/cutover-flags/src/gates/gate.ts';
import { removalObservation } from '../../packages/cutover-flags/src/removal/index.ts';
import { sourceCommit } from '../gate/environment.ts';
import { signingKey } from '../gate/gate-key.ts';
import { type Proof, proveRemoval, verdictOf } from './prove-removal.ts';
import { khalaRemoval } from './removal.ts';

const root = path.join(import.meta.dirname, '..', '..');
const say = (line: string) => process.stdout.write(`${line}\n`);

/** What the gate saw; undefined when the proof ended before anything could be looked at. */
function observationOf(proof: Proof, commit: string | null): GateObservation | undefined {
  const { scan, tests, packages, proved, reason } = proof;
  if (scan === undefined) return undefined;
  const environment = { packages, commit, module_schema: null, protocols: [] };
  const seen = removalObservation(scan, environment);
  const measures = { ...seen.measures, tests_passed: tests.passed, tests_skipped: tests.skipped };
  return {
    ...seen,
    measures,
    verdict: verdictOf(proof),
    reason: proved && tests.passed > 0 ? seen.reason : reason.slice(0, 1000),
  };
}

const { values } = parseArgs({
  options: {
    commit: { type: 'string' },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    'no-tests': { type: 'boolean', default: false },
  },
});
const { commit: wanted, keep, list, 'no-tests': noTests } = values;
const commit =
  wanted === undefined
    ? sourceCommit(root)
    : execFileSync('git', ['rev-parse', '--verify', `${wanted}^{commit}`], { cwd: root, encoding: 'utf8' }).trim();
const proof = await proveRemoval({ root, removal: khalaRemoval, commit: wanted, keep, noTests, say });
if (list) for (const { file, line, kind, text } of proof.scan?.findings ?? []) say(`${file}:${line}: ${kind}: ${text}`);
const observation = observationOf(proof, commit);
if (observation !== undefined) {
  const file = path.join(root, '.gate', 'removal.dsse.json');
  const receipt = createReceipt(observation, signingKey(root, process.env));
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(receipt)}\n`);
  say(`removal: ${observation.verdict}: ${observation.reason} (${path.relative(process.cwd(), file)})`);
}
process.exit(proof.proved ? 0 : 1);
