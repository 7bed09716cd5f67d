import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { GateEnvironment } from '@autopilot/cutover-flags';

/** Folders of a workspace that hold packages. */
const places = ['packages', 'apps', 'modules'];

/** What a folder of sources is: its packages with their versions, and its commit where git knows one. */
export function environmentOf(folder: string): GateEnvironment {
  const folders = [
    folder,
    ...places.flatMap((place) => {
      const inside = path.join(folder, place);
      return existsSync(inside) ? readdirSync(inside).map((name) => path.join(inside, name)) : [];
    }),
  ];
  const packages = Object.fromEntries(folders.flatMap((each) => packageOf(each)).sort());
  return { packages, commit: commitOf(folder), module_schema: null, protocols: [] };
}

function packageOf(folder: string): readonly (readonly [string, string])[] {
  try {
    const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    return typeof name === 'string' && typeof version === 'string' ? [[name, version]] : [];
  } catch {
    return [];
  }
}

function commitOf(folder: string): string | null {
  const git = (...args: readonly string[]) => spawnSync('git', ['-C', folder, ...args], { encoding: 'utf8' });
  const head = git('rev-parse', '--verify', 'HEAD');
  const commit = head.status === 0 ? head.stdout.trim() : '';
  if (!/^[0-9a-f]{40,64}$/.test(commit)) return null;
  const changes = git('status', '--porcelain', '--', '.');
  return changes.status === 0 && changes.stdout === '' ? commit : `${commit}+dirty`;
}
