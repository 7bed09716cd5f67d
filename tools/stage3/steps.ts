import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
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
}

/** Deletes the lane from a copy: its package, the files that load it, their tests, and the lines that declare it. */
export async function removeLane(copy: string, files: readonly string[], removal: Removal): Promise<Removed> {
  const gone = filesToRemove(files, removal);
  for (const needed of [`${removal.folder}/package.json`, ...removal.laneFiles]) {
    if (!gone.includes(needed)) throw new StepFailed(`${needed} is not there: is the lane removed already?`);
  }
  await Promise.all(gone.map((file) => rm(path.join(copy, file))));
  await rm(path.join(copy, removal.folder), { recursive: true, force: true });
  const manifests: string[] = [];
  for (const file of files.filter((name) => path.basename(name) === 'package.json' && !gone.includes(name))) {
    const text = manifestWithout(readFileSync(path.join(copy, file), 'utf8'), removal.name);
    if (text === undefined) continue;
    writeFileSync(path.join(copy, file), text);
    manifests.push(file);
  }
  const lockfile = path.join(copy, 'pnpm-lock.yaml');
  if (existsSync(lockfile)) writeFileSync(lockfile, lockfileWithout(readFileSync(lockfile, 'utf8'), removal));
  return { files: gone, manifests };
}

/** What of the apps, packages and modules still refers to the lane, tests included, and the lockfile. */
export function referencesLeft(copy: string, files: readonly string[], removal: Removal): readonly Reference[] {
  return files
    .filter(
      (file) =>
        /^(?:apps|packages|modules|testing|bench)\/|^pnpm-lock\.yaml$/.test(file) && existsSync(path.join(copy, file)),
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
