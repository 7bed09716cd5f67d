// `pnpm gate`: checks which package runs which gate, runs them all through turbo, then verifies every receipt and says
// what it saw. Arguments go to turbo: `pnpm gate --affected`, `pnpm gate --force`.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { signingKey, trustedKeys } from './gate-key.ts';
import { checkGateMap, measuring, readGateMap } from './gate-map.ts';
import { describe, summarise } from './summary.ts';

const root = path.join(import.meta.dirname, '..', '..');
const args = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

function main(): number {
  const packages = readGateMap(root);
  const findings = checkGateMap(root, packages);
  for (const finding of findings) process.stderr.write(`${finding}\n`);
  if (findings.length > 0 || packages.length === 0) return 1;
  if (args.includes('--check')) return 0;

  // Before turbo starts: the public key is an input of every gate, so that no receipt of another key is taken from
  // the cache.
  signingKey(root, process.env);
  const since = Date.now();
  const turbo = path.join(root, 'node_modules', '.bin', 'turbo');
  const run = (...more: readonly string[]) =>
    spawnSync(turbo, ['run', 'gate', '--continue', ...args, ...more], { cwd: root, stdio: 'inherit' }).status;
  const isFiltered = args.some((arg) => arg.startsWith('--filter') || arg.startsWith('-F'));
  const isPart = isFiltered || args.includes('--affected');
  const last = isPart ? [] : measuring.filter((name) => packages.some((one) => one.name === name));
  // Turbo takes no filter beside --affected: then all go one after the other.
  let status = run(...(args.includes('--affected') ? ['--concurrency=1'] : last.map((name) => `--filter=!${name}`)));
  // What measures runs when nothing else does.
  for (const name of last) status = run(`--filter=${name}`) === 0 ? status : 1;

  const lines = summarise(root, packages, trustedKeys(root, process.env));
  say('');
  for (const line of lines) say(describe(line, since));
  const held = lines.filter(({ outcome }) => outcome !== 'pass' && !(isPart && outcome === 'not-run'));
  say(`\n${lines.length - held.length} of ${lines.length} receipts are good${isPart ? ' or were not asked for' : ''}`);
  return status === 0 && held.length === 0 ? 0 : 1;
}

process.exitCode = main();
