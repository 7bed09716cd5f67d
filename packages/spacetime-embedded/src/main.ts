#!/usr/bin/env node
import { isCodedError } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { parseOptions, usage } from './cli/parse-options.ts';
import { startEmbedded } from './start-embedded.ts';

const usageCodes = new Set(['usage', 'invalid_listen_address', 'invalid_database_name', 'invalid_identity']);

/** Serves until a signal comes. */
async function main(args: readonly string[]): Promise<void> {
  const command = parseOptions(args);
  if (command.kind === 'help') {
    process.stdout.write(usage);
    return;
  }
  const { module, database, listen, dataDir, owner, anybodyMayPublish, salvage, readyJson } = command;
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const host = await startEmbedded({
    database,
    listen,
    anybodyMayPublish,
    durability: { salvage },
    ports: systemPorts,
    http: systemHttp,
    onError: (error) => process.stderr.write(`spacetime-embedded: ${describe(error)}\n`),
    ...(module === undefined ? {} : { module }),
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(owner === undefined ? {} : { owner }),
  });
  const { url, identity } = host;
  const ready = { ready: 'spacetime-embedded', url, database, identity };
  process.stdout.write(readyJson ? `${JSON.stringify(ready)}\n` : `${database} (${identity}) is served at ${url}\n`);
  await stopped;
  await host.close();
}

function describe(error: unknown): string {
  if (isCodedError(error)) return `${error.code}: ${error.message} ${error.next}`;
  return `internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

main(process.argv.slice(2)).then(
  // Nothing is left to do; a socket that a client keeps half open must not keep the process.
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`spacetime-embedded: ${describe(error)}\n`);
    process.exit(isCodedError(error) && usageCodes.has(error.code) ? 2 : 1);
  },
);
