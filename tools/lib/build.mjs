// What a run needs built: the module bundle and the pages. Each takes about a second, so they are simply made anew.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

export const root = path.dirname(path.dirname(import.meta.dirname));

const vite = ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'];
const steps = [
  { what: 'the SpacetimeDB module', folder: 'modules/autopilot-sync', args: ['build.mjs'] },
  { what: 'the health page', folder: 'apps/desktop', args: vite },
  { what: "the release manager's console", folder: 'apps/control', args: vite },
];

/** Builds all of it; ends the process with the builder's own output when one fails. */
export function buildRuntimeParts() {
  for (const { what, folder, args } of steps) {
    process.stderr.write(`Building ${what} ...\n`);
    const result = spawnSync(process.execPath, args, { cwd: path.join(root, folder), encoding: 'utf8' });
    if (result.status === 0) continue;
    process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}Could not build ${what} in ${folder}.\n`);
    process.exit(1);
  }
}
