// An owner of a bridge, to be killed: prints the process id of its bridge when that says that it runs, and hangs.
import { emptyJournal } from '../../src/index.ts';
import { bridgeProcess, until } from '../support/bridge-processes.ts';
import type { BridgeFault } from './bridge-child.ts';
import { childOf } from '../support/children.ts';

const [file = '', fault = 'none'] = process.argv.slice(2);
const settings = { file, relays: ['ws://127.0.0.1:1'], quorum: { type: 'all' } } as const;
const secretKey = new Uint8Array(32).fill(7);
const supervised = bridgeProcess({ settings, secretKey, fault: fault as BridgeFault }, emptyJournal, {
  silenceMs: 600_000,
});
supervised.start();
await until(() => supervised.status().state === 'running');
process.stdout.write(`${childOf(process.pid)}\n`);
setInterval(() => {}, 1_000);
