// Reads the log of the gates into a store, from where the store is to the end, and says where it is after each commit.
import fs from 'node:fs';
import { flushCompileCache } from 'node:module';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { openCheckpointStore } from '../../src/index.ts';
import { scope } from '../support.ts';
import { nextPart } from './the-log.ts';

// Killed, it could not keep what it has compiled for the next one.
flushCompileCache();

const [file = '', step = '1'] = process.argv.slice(2);
const store = await openCheckpointStore({ file, scope, synchronous: 'NORMAL', ...systemPorts });
for (let part = nextPart(store, Number(step)); part !== undefined; part = nextPart(store, Number(step))) {
  store.commit([part]);
  // By the kernel, at once: what stands here was committed before a kill.
  fs.writeSync(1, `${part.seq}\n`);
}
await store.close();
