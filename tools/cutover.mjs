// `pnpm cutover COMMAND`: hands over to the command line of control, and `rehearse` to the launcher. Exits as it does.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildRuntimeParts } from './lib/build.mjs';

const root = path.dirname(import.meta.dirname);
const given = process.argv.slice(2);
// npm takes the `--` of `npm run cutover -- status` away, pnpm hands it on.
const args = given[0] === '--' ? given.slice(1) : given;
const rehearse = args[0] === 'rehearse';
const program = rehearse ? 'apps/launcher/src/rehearse/main.ts' : 'apps/control/src/cutover-cli/main.ts';

if (!existsSync(path.join(root, program))) {
  process.stderr.write(
    `This build has no "cutover ${rehearse ? 'rehearse' : (args[0] ?? 'status')}": ${program} is missing.\n`,
  );
  process.exit(2);
}
// A rehearsal starts the real parts; the other commands only speak to a control that runs.
if (rehearse && !args.includes('--help')) buildRuntimeParts();
const child = spawn(
  process.execPath,
  [
    '--conditions=@autopilot/source',
    '--disable-warning=ExperimentalWarning',
    path.join(root, program),
    ...(rehearse ? args.slice(1) : args),
  ],
  // Relative paths among the arguments are those of the caller.
  { cwd: process.env.INIT_CWD ?? process.cwd(), stdio: 'inherit' },
);
// Ctrl-C reaches the program by itself; this process waits for its orderly end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
