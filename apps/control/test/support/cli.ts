import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CliIo } from '../../src/cutover-cli/io.ts';
import { runCli } from '../../src/cutover-cli/run-cli.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** How one run of the command line ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The document of --json. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what the test asserts.
  readonly json: any;
}

/** What of the world a test replaces. */
export type CliWorld = Partial<Pick<CliIo, 'env' | 'fetch' | 'cwd' | 'now'>> & {
  readonly terminal?: boolean;
  readonly columns?: number;
};

/** Runs the command line in this process. */
export async function cli(args: readonly string[], world: CliWorld = {}): Promise<Ran> {
  const { terminal = false, columns = 80, ...rest } = world;
  const written = { out: '', err: '' };
  const output = (name: 'out' | 'err') => ({
    write: (text: string) => {
      written[name] += text;
    },
    terminal,
    columns,
  });
  const io: CliIo = {
    env: {},
    cwd: process.cwd(),
    fetch,
    now: () => Date.now(),
    // Pauses are skipped, other work is not.
    wait: () => new Promise((resolve) => setImmediate(resolve)),
    uuid: () => crypto.randomUUID(),
    stdout: output('out'),
    stderr: output('err'),
    ...rest,
  };
  const code = await runCli(args, io);
  const json = args.includes('--json') ? JSON.parse(written.out) : undefined;
  return { code, ...written, json };
}

/** The command line as a client of a control; the secret of a client is its id. */
export function cliOf(url: string, world: CliWorld = {}) {
  const folder = temporaryFolder();
  return (as: string, ...args: readonly string[]) => {
    const file = path.join(folder, `${as}.secret`);
    writeFileSync(file, `${as}\n`);
    const env = { AUTOPILOT_CONTROL: url, AUTOPILOT_CLIENT_ID: as, AUTOPILOT_CLIENT_SECRET_FILE: file, ...world.env };
    return cli(args, { cwd: folder, ...world, env });
  };
}
