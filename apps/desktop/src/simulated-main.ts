import { nodeSocketFactory } from '@autopilot/session';
import { isCodedError } from '@autopilot/sync-contract';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import pino from 'pino';
import { readSecret } from './options.ts';
import { help, parseSimulatedOptions } from './simulated/options.ts';
import { startSimulated } from './simulated/start-simulated.ts';

const exit = { good: 0, failed: 1, usage: 2 } as const;

async function main(): Promise<number> {
  const options = parseSimulatedOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(help);
    return exit.good;
  }
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const { khala, khalaTokenFile } = options;
  const credential = khalaTokenFile === undefined ? undefined : readSecret(khalaTokenFile);
  // Many cores say much: their warnings are enough.
  const log = pino({ base: { part: 'simulated' }, level: 'warn' }, pino.destination({ dest: 2, sync: true }));
  const desktops = await startSimulated({
    ...options,
    ...{ log, pid: process.pid, env: process.env, ports: systemPorts, http: systemHttp, socket: nodeSocketFactory },
    khala: khala === undefined ? undefined : { url: khala, credential },
  });
  if (options.readyJson) process.stdout.write(`${JSON.stringify({ ready: 'simulated', url: desktops.url })}\n`);
  else process.stdout.write(`${options.units} simulated desktops  ${desktops.url}/state\n`);
  await interrupted;
  await desktops.close();
  return exit.good;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!isCodedError(error)) throw error;
  process.stderr.write(`${error.code}: ${(error as Error).message} ${error.next}\n`);
  process.exitCode = error.code === 'usage' ? exit.usage : exit.failed;
}
