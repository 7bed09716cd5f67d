// A control with a bridge to Nostr, in a process of its own that a test may kill: `main.ts` with quick pauses.
import { flushCompileCache } from 'node:module';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { pino } from 'pino';
import { startControl } from '../../src/start-control.ts';

flushCompileCache();

const { secretKey, kinds, relays, ...options } = JSON.parse(process.argv[2] ?? '{}');
const control = await startControl({
  ...options,
  host: '127.0.0.1',
  ports: systemPorts,
  http: systemHttp,
  logger: pino({ level: 'warn' }, pino.destination(2)),
  bridge: { relays, kinds, secretKey: Buffer.from(secretKey, 'hex'), profile: { name: 'Autopilot' } },
  bridgeSettings: {
    settings: {
      relay: { backoff: { floorMs: 50, baseMs: 100, capMs: 500 } },
      deliveries: { backoff: { floorMs: 50, baseMs: 100, capMs: 500 } },
      provider: { kinds, pollMs: 100 },
    },
  },
});
process.stdout.write(`${control.url}\n`);
