import type { Clock } from '@autopilot/sync-contract';
import { parseCommand } from '../../src/cli/parse-command.ts';
import { runCommand } from '../../src/cli/run-command.ts';

/** Runs a command line in this process. Gives what it would print. */
export function runCli(clock: Clock, ...args: readonly string[]): Promise<string> {
  const command = parseCommand(args);
  if (command.kind === 'help') throw new Error('help');
  return runCommand(command, clock);
}
