// `npm start`: builds what a run needs and hands over to the launcher, which runs TypeScript sources directly.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { buildRuntimeParts, root } from './lib/build.mjs';

const args = process.argv.slice(2);
if (!args.includes('--help')) buildRuntimeParts();
const launcher = path.join(root, 'apps', 'launcher', 'src', 'main.ts');
const child = spawn(
  process.execPath,
  ['--conditions=@autopilot/source', '--disable-warning=ExperimentalWarning', launcher, ...args],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
// Ctrl-C reaches the launcher by itself; this process waits for its orderly end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
