import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
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
  readonly say: (line: string) => void;
}

/**
 * Copies a repository, deletes the lane from the copy, and installs, checks, builds and tests the apps there. Gives
 * whether all went well; `say` gets each step, and what went wrong.
 */
export async function proveRemoval(options: ProofOptions): Promise<boolean> {
  const { keep, say } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'stage3-'));
  const cleanUp = () => {
    if (!keep) rmSync(folder, { recursive: true, force: true });
  };
  // Also when a signal ends this process in the middle.
  process.once('exit', cleanUp);
  try {
    await takeSteps(options, folder);
    say('Removal is deletion: the apps build and pass their tests without the lane.');
    return true;
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    say(`FAILED: ${error.message}`);
    return false;
  } finally {
    if (keep) say(`The copy is in ${folder}`);
    process.off('exit', cleanUp);
    cleanUp();
  }
}

async function takeSteps({ root, removal, commit, say }: ProofOptions, folder: string): Promise<void> {
  const copy = path.join(folder, 'repository');
  mkdirSync(copy);
  const pnpm = pnpmCommand(root, process.env);
  let step = 0;
  const timed = async <T>(what: string, work: () => Promise<T> | T): Promise<T> => {
    step += 1;
    const started = performance.now();
    say(`${step}. ${what} ...`);
    const result = await work();
    say(`   done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return result;
  };
  const run = (...words: readonly string[]) => {
    const [program, ...args] = [...pnpm, ...words];
    return runCommand({ program, args }, copy, path.join(folder, `step-${step}.log`));
  };

  const files = await timed('Copy the tracked files', () => copyRepository(root, copy, commit));
  await timed('Delete the lane', async () => {
    const { files: gone, manifests } = await removeLane(copy, files, removal);
    say(`   ${gone.length} files deleted; taken out of ${manifests.join(', ') || 'no manifest'}`);
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
      say('   not possible off-line; what is missing comes from the registry');
      await run('install', '--prefer-offline', '--no-frozen-lockfile');
    }
    for (const app of removal.apps) refuseResolvable(path.join(copy, app), removal.name);
  });
  const names = removal.apps.map((app) => nameOf(path.join(copy, app)));
  await timed(`Check the types of ${names.join(' and ')}`, () => run(...filters(names), 'run', 'typecheck'));
  await timed('Build them with all that they are made of', () =>
    run(...filters(names.map((name) => `${name}...`)), 'run', '--if-present', 'build'),
  );
  await timed('Run their tests', async () => {
    const output = await run('run', 'test', ...removal.apps);
    const counts = output.match(/^(\d+) passed, (\d+) failed, (\d+) skipped$/m);
    if (counts === null || Number(counts[1]) === 0) throw new StepFailed('No test ran, or nobody counted them.');
    say(`   ${counts[0]}`);
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
