import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** Name to version of a package and of all workspace packages that it depends on at run time, near and far. */
export function packageVersions(root: string, folder: string): Readonly<Record<string, string>> {
  const workspace = new Map<string, Manifest>();
  for (const file of globSync(['packages/*/package.json', 'apps/*/package.json', 'modules/*/package.json'], {
    cwd: root,
  })) {
    const manifest = readManifest(path.join(root, file));
    workspace.set(manifest.name, manifest);
  }
  const versions: Record<string, string> = {};
  const add = ({ name, version, dependencies = {} }: Manifest) => {
    if (name in versions) return;
    versions[name] = version;
    for (const dependency of Object.keys(dependencies)) {
      const known = workspace.get(dependency);
      if (known !== undefined) add(known);
    }
  };
  add(readManifest(path.join(root, folder, 'package.json')));
  return Object.fromEntries(Object.entries(versions).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** The commit that is checked out, followed by `+dirty` when tracked or new files differ from it; null without git. */
export function sourceCommit(root: string): string | null {
  try {
    const commit = git(root, 'rev-parse', 'HEAD');
    return git(root, 'status', '--porcelain') === '' ? commit : `${commit}+dirty`;
  } catch {
    return null;
  }
}

function git(root: string, ...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

function readManifest(file: string): Manifest {
  return JSON.parse(readFileSync(file, 'utf8')) as Manifest;
}
