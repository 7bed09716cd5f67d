#!/usr/bin/env node
import { isCodedError } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { parseCommand, usage } from './cli/parse-command.ts';
import { runCommand } from './cli/run-command.ts';

async function main(args: readonly string[]): Promise<string> {
  const command = parseCommand(args);
  return command.kind === 'help' ? usage : runCommand(command, systemPorts.clock);
}

function describe(error: unknown): string {
  if (isCodedError(error)) return `${error.code}: ${error.message} ${error.next}`;
  return `internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

main(process.argv.slice(2)).then(
  (text) => void process.stdout.write(text),
  (error: unknown) => {
    process.stderr.write(`nostr-bridge: ${describe(error)}\n`);
    process.exitCode = isCodedError(error) && error.code === 'invalid_option' ? 2 : 1;
  },
);
