// Entry point of `npm start` and `npm test` on a machine that has only Node and npm: installs the workspace with the
// pinned pnpm when needed, then runs the task under the pinned Node that the install brought.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithParent } from './lib/end-with-parent.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const [task, ...rest] = process.argv.slice(2);
// npm takes the `--` of `npm start -- --once` away, pnpm hands it on.
const args = rest[0] === '--' ? rest.slice(1) : rest;

const startedByPnpm = /^pnpm\//.test(process.env.npm_config_user_agent ?? '');
const pnpm = startedByPnpm ? ['pnpm'] : ['npx', '--yes', packageManager];
const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', AUTOPILOT_PNPM: pnpm.join(' ') };
const pinned = path.join(root, 'node_modules', '.bin', 'node');

function run(command, ...rest) {
  const [program, ...before] = command;
  const result = spawnSync(program, [...before, ...rest], { cwd: root, stdio: 'inherit', env });
  if (result.error) {
    process.stderr.write(`Could not run ${program}: ${result.error.message}\n`);
    process.exit(1);
  }
  return result.status ?? 1;
}

function ensureInstalled() {
  const wanted = path.join(root, 'pnpm-lock.yaml');
  const present = path.join(root, 'node_modules', '.pnpm', 'lock.yaml');
  if (existsSync(present) && statSync(present).mtimeMs >= statSync(wanted).mtimeMs) return;
  process.stderr.write(`Installing the workspace with ${packageManager} (about half a minute the first time) ...\n`);
  const status = run(pnpm, 'install', '--frozen-lockfile');
  if (status !== 0) process.exit(status);
}

/** The pinned Node where the registry has one for this platform, otherwise the Node that runs this file. */
function nodeProgram() {
  if (existsSync(pinned)) return pinned;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return process.execPath;
  process.stderr.write(
    `This platform (${process.platform}-${process.arch}) needs Node 24 or later; this is Node ${process.versions.node}.\n` +
      'Install Node 24 and run the command again.\n',
  );
  process.exit(1);
}

ensureInstalled();
const script = { 'ci:start': 'start.mjs', 'ci:test': 'test.mjs' }[task];
if (script === undefined) {
  process.stderr.write(`Unknown task "${task}". Known: ci:start, ci:test.\n`);
  process.exit(2);
}
// A direct child and not `pnpm run`: Ctrl-C then reaches the program once, and its exit code arrives unchanged.
const bin = path.join(root, 'node_modules', '.bin');
env.PATH = `${bin}${path.delimiter}${env.PATH ?? ''}`;
const child = spawn(nodeProgram(), [path.join(root, 'tools', script), ...args], { cwd: root, stdio: 'inherit', env });
// A terminal's Ctrl-C reaches the child by itself; staying alive here lets it finish its shutdown before the prompt returns.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
endWithParent(child);
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
