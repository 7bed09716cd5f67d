import { flushCompileCache } from 'node:module';
import { pino } from 'pino';
import { systemHttp, systemPorts } from '@autopilot/sync-contract/system-ports';
import { startControl } from '../../src/start-control.ts';
import { cutoverClients, quickConfig } from './cutover-fixtures.ts';
import { connect, ScriptedDatabase } from './scripted-database.ts';
import { ScriptedKhala } from './scripted-khala.ts';

// Killed, it could not keep what it has compiled for the next one.
flushCompileCache();

// A control in a process of its own that can be made to kill itself, with SIGKILL, at the first log line that holds a
// text: `main.ts` with a scripted database and khala.

const [options = '{}'] = process.argv.slice(2);
const { dataDir, store, killAt, ackTimeout, ahead = 0, issuer, gateKey } = JSON.parse(options);

const control = await startControl({
  host: '127.0.0.1',
  port: 0,
  dataDir,
  store,
  issuer,
  spacetime: 'http://127.0.0.1:9',
  database: 'autopilot',
  clients: cutoverClients,
  // What it finds in its store is so much older then.
  ports: { ...systemPorts, clock: { ...systemPorts.clock, now: () => systemPorts.clock.now() + ahead } },
  http: systemHttp,
  logger: pino(
    { level: 'debug' },
    {
      write(line: string) {
        if (killAt !== undefined && line.includes(killAt)) process.kill(process.pid, 'SIGKILL');
      },
    },
  ),
  openGateway: () => ({
    sink: connect(new ScriptedDatabase()),
    probe: async () => ({ ok: true, module_schema: 'sha256:scripted', protocols: ['v3.bsatn.spacetimedb'] }),
    admin: { publish: async () => undefined, configure: async () => undefined },
  }),
  khala: { url: 'http://khala.example' },
  openKhala: async () => new ScriptedKhala().target(),
  cutover: {
    config: { ...quickConfig, flip: { ack_timeout_ms: ackTimeout, ack_ratio: 1 } },
    gateKeys: [gateKey],
    supervise: 10,
    observe: 10,
  },
});
process.stdout.write(`${control.url}\n`);
