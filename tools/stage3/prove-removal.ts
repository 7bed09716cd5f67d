import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Verdict } from '../../packages/cutover-flags/src/gates/gate.ts';
import {
  countByKind,
  type Finding,
  type FindingKind,
  nodeFileTree,
  type RemovalResult,
  scanForLane,
} from '../../packages/cutover-flags/src/removal/index.ts';
import { packageVersions } from '../gate/environment.ts';
import type { Removal } from './removal.ts';
import { copyRepository, referencesLeft, removeLane, runCommand, StepFailed } from './steps.ts';

/** One run over a repository. */
export interface ProofOptions {
  readonly root: string;
  readonly removal: Removal;
  /** The commit to take; undefined for the work tree. */
  readonly commit?: string | undefined;
  /** Leaves the copy where it is. */
  readonly keep: boolean;
  /** Leaves the tests of the apps out; then nothing is proved for a receipt. */
  readonly noTests?: boolean;
  readonly say: (line: string) => void;
}

/** What a run has shown. */
export interface Proof {
  /** Whether every step went well. */
  readonly proved: boolean;
  /** What went wrong, else what was shown; one sentence. */
  readonly reason: string;
  /** Of the tests of the apps. */
  readonly tests: { readonly passed: number; readonly failed: number; readonly skipped: number };
  /** What the whole copy still says of the lane; undefined when a step before failed. */
  readonly scan: RemovalResult | undefined;
  /** Name to version of the apps that were built and of what they are made of. */
  readonly packages: Readonly<Record<string, string>>;
}

const decisiveKinds: readonly FindingKind[] = ['manifest', 'lockfile', 'bundle', 'leftover', 'unread'];

/**
 * Whether a finding ends the proof: a place that loads, declares or holds the lane. The others speak of it. Texts of
 * tests and tools that look like imports are none: what tests load was looked at before.
 */
function isDecisive({ kind, file }: Finding): boolean {
  return (
    decisiveKinds.includes(kind) || (kind === 'import' && /^(apps|packages|modules)\/[^/]+\/(src|ui)\//.test(file))
  );
}

/** Fail when a step failed; inconclusive when no test ran; otherwise what the scan says of the whole repository. */
export function verdictOf({ proved, scan, tests }: Proof): Verdict {
  if (!proved) return 'fail';
  const verdict = scan?.verdict ?? 'inconclusive';
  return verdict === 'pass' && tests.passed === 0 ? 'inconclusive' : verdict;
}

type Facts = { -readonly [Member in keyof Omit<Proof, 'proved' | 'reason'>]: Proof[Member] };

/**
 * Copies a repository, deletes the lane from the copy, and installs, checks, builds and tests the apps there; then looks
 * through the copy for what still knows the lane. `say` gets each step, and what went wrong.
 */
export async function proveRemoval(options: ProofOptions): Promise<Proof> {
  const { keep, say } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'stage3-'));
  const cleanUp = () => {
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  // Also when a signal ends this process in the middle.
  process.once('exit', cleanUp);
  const facts: Facts = { tests: { passed: 0, failed: 0, skipped: 0 }, scan: undefined, packages: {} };
  try {
    await takeSteps(options, folder, facts);
    const reason =
      options.noTests === true
        ? 'The apps build without the lane. THEIR TESTS WERE LEFT OUT (--no-tests): this is not the proof.'
        : 'Removal is deletion: the apps build and pass their tests, the long ones left out, without the lane.';
    say(reason);
    return { proved: true, reason, ...facts };
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    say(`FAILED: ${error.message}`);
    return { proved: false, reason: error.message.split('\n')[0] ?? '', ...facts };
  } finally {
    if (keep) say(`The copy is in ${folder}`);
    process.off('exit', cleanUp);
    cleanUp();
  }
}

async function takeSteps(
  { root, removal, commit, say, noTests = false }: ProofOptions,
  folder: string,
  facts: Facts,
): Promise<void> {
  const copy = path.join(folder, 'repository');
  mkdirSync(copy);
  const pnpm = pnpmCommand(root, process.env);
  let step = 0;
  const timed = async <T>(what: string, work: () => Promise<T> | T): Promise<T> => {
    step += 1;
    const started = performance.now();
    say(`${step}. ${what} ...`);
    const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
    const beat = setInterval(() => say(`   still at it after ${seconds()} s`), 15_000);
    try {
      const result = await work();
      say(`   done in ${seconds()} s`);
      return result;
    } finally {
      clearInterval(beat);
    }
  };
  const run = (...words: readonly string[]) => {
    const [program, ...args] = [...pnpm, ...words];
    return runCommand({ program, args }, copy, path.join(folder, `step-${step}.log`));
  };

  const files = await timed('Copy the tracked files', () => copyRepository(root, copy, commit));
  await timed('Delete the lane', async () => {
    const { files: gone, manifests, texts } = await removeLane(copy, files, removal);
    say(`   ${gone.length} files deleted; taken out of ${manifests.join(', ') || 'no manifest'}`);
    say(`   what is marked as being there for it: taken out of ${texts.join(', ') || 'no text'}`);
  });
  await timed('Look for what still refers to it', () => {
    const left = referencesLeft(copy, files, removal);
    for (const { file, line, text } of left) say(`   ${file}:${line}: ${text}`);
    if (left.length > 0) throw new StepFailed(`${left.length} places still refer to what is gone.`);
  });
  await timed('Install, without the network if the store has everything', async () => {
    try {
      await run('install', '--offline', '--frozen-lockfile');
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      say(`   not possible off-line; what is missing comes from the registry\n   ${error.message.split('\n').at(-1)}`);
      await run('install', '--prefer-offline', '--no-frozen-lockfile');
    }
    for (const app of removal.apps) refuseResolvable(path.join(copy, app), removal.name);
  });
  for (const app of removal.apps)
    Object.assign(facts, { packages: { ...facts.packages, ...packageVersions(copy, app) } });
  const names = removal.apps.map((app) => nameOf(path.join(copy, app)));
  await timed(`Check the types of ${names.join(' and ')}`, () => run(...filters(names), 'run', 'typecheck'));
  await timed('Build them with all that they are made of', () =>
    run(...filters(names.map((name) => `${name}...`)), 'run', '--if-present', 'build'),
  );
  if (noTests) say('   THE TESTS OF THE APPS ARE LEFT OUT (--no-tests).');
  const runTests = async () => {
    // The long ones are of Nostr, which knows neither lane, or do on PostgreSQL what others do on SQLite; `npm test` runs them.
    const output = await run('run', 'test', ...removal.apps, '--testPathIgnorePatterns=.long.test.ts');
    const counts = output.match(/^(\d+) passed, (\d+) failed, (\d+) skipped$/m);
    if (counts === null || Number(counts[1]) === 0) throw new StepFailed('No test ran, or nobody counted them.');
    const [passed = 0, failed = 0, skipped = 0] = counts.slice(1).map(Number);
    facts.tests = { passed, failed, skipped };
    say(`   ${counts[0]}`);
  };
  if (!noTests) await timed('Run their tests, but for the long ones', runTests);
  await timed('Look through everything for what still knows the lane', async () => {
    const scan = await scanForLane(nodeFileTree(copy), { clock: { now: () => Date.now() }, packages: [removal.name] });
    facts.scan = scan;
    const found = scan.findings.filter(isDecisive);
    for (const { file, line, kind, text } of found) say(`   ${file}:${line}: ${kind}: ${text}`);
    if (found.length > 0) throw new StepFailed(`${found.length} places still load, declare or hold the lane.`);
    const left = Object.entries(countByKind(scan.findings)).map(([kind, count]) => `${count} ${kind}`);
    say(`   ${scan.scanned.files} files; still to be reworded: ${left.join(', ') || 'nothing'}`);
  });
}

const filters = (names: readonly string[]) => names.map((name) => `--filter=${name}`);

function nameOf(app: string): string {
  return JSON.parse(readFileSync(path.join(app, 'package.json'), 'utf8')).name;
}

/** An app that can still load the package has not been built without it. */
function refuseResolvable(app: string, name: string): void {
  let file: string;
  try {
    file = createRequire(path.join(app, 'package.json')).resolve(`${name}/package.json`);
  } catch {
    return;
  }
  throw new StepFailed(`${app} can still load ${name}, from ${file}.`);
}

/** How pnpm is started: as this program was, or else the pinned one by npx. */
function pnpmCommand(root: string, env: NodeJS.ProcessEnv): readonly [string, ...string[]] {
  const [program, ...args] = (env.AUTOPILOT_PNPM ?? '').split(' ').filter((word) => word !== '');
  if (program !== undefined) return [program, ...args];
  if (/^pnpm\//.test(env.npm_config_user_agent ?? '')) return ['pnpm'];
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return ['npx', '--yes', packageManager];
}
