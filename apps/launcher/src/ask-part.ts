import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nodeOptions } from './part.ts';

/** Runs a part for one answer, and resolves with its standard output, whatever code it ends with. */
export async function askPart(entry: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const own = nodeOptions.filter((option) => !option.startsWith('--import'));
  const answer = promisify(execFile)(process.execPath, [...own, entry, ...args], { env });
  const { stdout } = await answer.catch((error: { stdout: string }) => error);
  return stdout;
}
