import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { withoutLane } from './lane-text.ts';
import {
  filesToRemove,
  lockfileWithout,
  manifestWithout,
  type Reference,
  type Removal,
  referencesIn,
} from './removal.ts';

/** A step that did not come out well; the message is for a person. */
export class StepFailed extends Error {}

/** The files that git tracks and that are there, as they are in the work tree. */
function trackedFiles(root: string): readonly string[] {
  return execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    .split('\0')
    .filter((file) => file !== '' && existsSync(path.join(root, file)));
}

/** Copies the tracked files; with a commit, those of the commit instead of the work tree. Gives their paths. */
export async function copyRepository(root: string, copy: string, commit?: string): Promise<readonly string[]> {
  if (commit !== undefined) {
    const archive = execFileSync('git', ['archive', '--format=tar', commit], {
      cwd: root,
      maxBuffer: 1024 * 1024 * 1024,
    });
    execFileSync('tar', ['-x', '-C', copy], { input: archive });
    const names = execFileSync('git', ['ls-tree', '-r', '-z', '--name-only', commit], { cwd: root, encoding: 'utf8' });
    return names.split('\0').filter((file) => file !== '');
  }
  const files = trackedFiles(root);
  for (const file of files) {
    const target = path.join(copy, file);
    mkdirSync(path.dirname(target), { recursive: true });
    await cp(path.join(root, file), target, { verbatimSymlinks: true });
  }
  return files;
}

/** What was taken away. */
export interface Removed {
  readonly files: readonly string[];
  readonly manifests: readonly string[];
  /** Other files of which a part went. */
  readonly texts: readonly string[];
}

/**
 * Deletes the lane from a copy: its package, the files that load it, their tests, what serves only the lane, and the
 * lines that declare it or are marked as being there for it.
 */
export async function removeLane(copy: string, files: readonly string[], removal: Removal): Promise<Removed> {
  const gone = filesToRemove(files, removal);
  for (const needed of [`${removal.folder}/package.json`, ...removal.laneFiles]) {
    if (!gone.includes(needed)) throw new StepFailed(`${needed} is not there: is the lane removed already?`);
  }
  await Promise.all(gone.map((file) => rm(path.join(copy, file))));
  for (const folder of [removal.folder, ...removal.serving]) {
    await rm(path.join(copy, folder), { recursive: true, force: true });
  }
  const manifests: string[] = [];
  const texts: string[] = [];
  const went = new Set(gone);
  for (const file of files.filter((name) => !went.has(name) && existsSync(path.join(copy, name)))) {
    const place = path.join(copy, file);
    const isManifest = path.basename(file) === 'package.json';
    if (!isManifest && !/\.(?:md|[cm]?[jt]sx?|json|ya?ml|sh)$|^\.ci\/run$/.test(file)) continue;
    const before = readFileSync(place, 'utf8');
    const text = isManifest ? manifestWithout(before, removal.name, removal.scripts) : stripped(file, before, removal);
    if (text === undefined) continue;
    writeFileSync(place, text);
    (isManifest ? manifests : texts).push(file);
  }
  const lockfile = path.join(copy, 'pnpm-lock.yaml');
  if (existsSync(lockfile)) writeFileSync(lockfile, lockfileWithout(readFileSync(lockfile, 'utf8'), removal));
  return { files: gone, manifests, texts };
}

function stripped(file: string, text: string, removal: Removal): string | undefined {
  try {
    return withoutLane(file, text, removal);
  } catch (error) {
    throw new StepFailed(error instanceof Error ? error.message : String(error));
  }
}

/** What of the apps, packages, modules and tools still refers to the lane, tests included, and the lockfile. */
export function referencesLeft(copy: string, files: readonly string[], removal: Removal): readonly Reference[] {
  return files
    .filter(
      (file) =>
        /^(?:apps|packages|modules|testing|bench|tools)\/|^pnpm-lock\.yaml$/.test(file) &&
        existsSync(path.join(copy, file)),
    )
    .flatMap((file) => referencesIn(file, readFileSync(path.join(copy, file), 'utf8'), removal));
}

/** A command to run, with words for what it does. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command in a folder and gives what it wrote. @throws {StepFailed} with its last lines. */
export async function runCommand({ program, args, env }: Command, cwd: string, log: string): Promise<string> {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const file = createWriteStream(log);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      file.write(part);
    });
  }
  const stop = () => child.kill('SIGTERM');
  process.once('SIGINT', stop);
  const outcome = await new Promise<string | number | Error | null>((resolve) => {
    child.on('error', resolve);
    child.on('close', (code, signal) => resolve(signal ?? code));
  });
  process.off('SIGINT', stop);
  file.end();
  if (outcome === 0) return text;
  const why = outcome instanceof Error ? outcome.message : `ended with ${outcome}`;
  const lines = text.trimEnd().split('\n');
  // Every failed test by its name: the last lines show only the last of them.
  const failed = [...new Set(lines.slice(0, -60).filter((line) => /^\s*●|^FAIL /.test(line)))];
  const shown = [...failed, ...lines.slice(-60)].join('\n');
  throw new StepFailed(`${[program, ...args].join(' ')}: ${why}\n${shown}`);
}
