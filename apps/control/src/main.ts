import { readFileSync } from 'node:fs';
import { isCodedError } from '@autopilot/sync-contract';
import { type Command, parseCommand, usage } from './cli/parse-command.ts';
import { readClientsFile } from './config/clients-file.ts';
import { ControlError } from './errors.ts';
import { identityOf } from './identity.ts';
import type { ControlHandle } from './start-control.ts';
import { serviceSubjects } from './subjects.ts';

/** Runs one command; resolves to the exit status, or to undefined while the service goes on running. */
async function main(args: readonly string[]): Promise<number | undefined> {
  const command = parseCommand(args);
  switch (command.kind) {
    case 'help':
      process.stdout.write(usage);
      return 0;
    case 'print-owner-identity':
      process.stdout.write(`${identityOf(command.issuer, serviceSubjects.owner)}\n`);
      return 0;
    case 'serve':
      return serve(command);
  }
}

async function serve(command: Extract<Command, { kind: 'serve' }>): Promise<number> {
  const {
    clientsFile,
    publish,
    readyJson,
    khala,
    khalaSecretFile,
    gateKeysFile,
    cutoverConfigFile,
    bridgeFile,
    ...rest
  } = command;
  const { deployment, commit, clockRate, heartbeatMs, kind: _kind, ...options } = rest;
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve());
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  const clients = readClientsFile(clientsFile);
  const bundle = publish === undefined ? undefined : readBundle(publish);
  // Only now: a mistake on the command line is answered before the whole service is loaded.
  const { runService } = await import('./run-service.ts');
  const { readCutoverConfig } = await import('./cutover/config-file.ts');
  const { readGateKeys } = await import('./cutover/gate-keys.ts');
  const cutover = {
    deployment,
    commit,
    clockRate,
    heartbeat: heartbeatMs,
    gateKeys: gateKeysFile === undefined ? undefined : readGateKeys(gateKeysFile),
    config: cutoverConfigFile === undefined ? undefined : readCutoverConfig(cutoverConfigFile),
  };
  const { readBridgeConfig } = await import('./bridge/bridge-config.ts');
  const bridge = bridgeFile === undefined ? undefined : readBridgeConfig(bridgeFile);
  const secret = khalaSecretFile === undefined ? undefined : readSecret(khalaSecretFile);
  const lane = khala === undefined ? undefined : { url: khala, secret };
  let control: ControlHandle;
  try {
    control = await runService({ ...options, clients, bundle, cutover, khala: lane, bridge, signal: stop.signal });
  } catch (error) {
    // Somebody asked it to stop while it waited for the database.
    if (stop.signal.aborted) return 0;
    throw error;
  }
  const { url } = control;
  process.stdout.write(readyJson ? `${JSON.stringify({ ready: 'control', url })}\n` : `control is ready at ${url}\n`);
  await stopped;
  await control.close();
  return 0;
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ControlError('khala_secret_unreadable', `The secret ${path} cannot be read (${code}).`, { cause });
  }
}

function readBundle(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ControlError('bundle_unreadable', `The bundle ${path} cannot be read (${code}).`, { cause });
  }
}

main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    const known = isCodedError(error) ? error : new ControlError('internal', String(error));
    const reason = known.code === 'internal' && known.cause !== undefined ? ` (${String(known.cause)})` : '';
    process.stderr.write(`control: ${known.code}: ${known.message}${reason} ${known.next}\n`);
    process.exitCode = known.code === 'usage' ? 2 : 1;
  },
);
