import { nodeSocketFactory } from '@autopilot/session';
import { isCodedError } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import pino from 'pino';
import { commsPace } from './comms/comms-pace.ts';
import { checkCodex } from './feed/check-codex.ts';
import { help, parseOptions, readSecret } from './options.ts';
import { startDesktop } from './start-desktop.ts';
import { quarantineLines } from './sync/quarantine.ts';

const exit = { good: 0, failed: 1, usage: 2 } as const;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(help);
    return exit.good;
  }
  if ('checkCodex' in options) {
    const found = checkCodex(options.codexDir, process.env);
    process.stdout.write(`${JSON.stringify(found)}\n`);
    return 'codex' in found ? exit.good : exit.failed;
  }
  if ('quarantine' in options) {
    for (const line of await quarantineLines(options.quarantine, systemPorts)) process.stdout.write(`${line}\n`);
    return exit.good;
  }
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const clientSecret = readSecret(options.clientSecretFile);
  const log = pino({ base: { part: 'desktop' } }, pino.destination({ dest: 2, sync: true }));
  const desktop = await startDesktop({
    ...options,
    ...{ clientSecret, log, pid: process.pid, comms: commsPace(options) },
    ...{ ports: systemPorts, http: systemHttp, socket: nodeSocketFactory, env: process.env },
    khala:
      options.khalaUrl === undefined
        ? undefined
        : {
            url: options.khalaUrl,
            credential: options.khalaTokenFile === undefined ? undefined : readSecret(options.khalaTokenFile),
          },
    feed: options.feed === 'none' ? undefined : { ...options, kind: options.feed, env: process.env },
  });
  if (options.readyJson) process.stdout.write(`${JSON.stringify({ ready: 'desktop', url: desktop.url })}\n`);
  else process.stdout.write(`health page  ${desktop.url}\n`);
  await interrupted;
  await desktop.close();
  return exit.good;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!isCodedError(error)) throw error;
  // One line: whoever started this process shows the last one.
  process.stderr.write(`${error.code}: ${(error as Error).message} ${error.next}\n`);
  process.exitCode = error.code === 'usage' ? exit.usage : exit.failed;
}
