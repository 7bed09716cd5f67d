// Appends rows until it is killed, and tells on stdout which of them are durable.
import { readFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { DatabaseDriver } from './database-driver.ts';

// Killed, it could not keep what it has compiled for the next one.
flushCompileCache();

const [, , directory = '', bundlePath = ''] = process.argv;
const db = await DatabaseDriver.open(readFileSync(bundlePath), {
  dataDir: directory,
  ports: systemPorts,
  durability: { syncDelayMs: 1, snapshotAfterBytes: 40_000 },
});
const numberAt = new Map<bigint, number>();
db.database.onDurable((offset) => {
  const number = numberAt.get(offset);
  if (number !== undefined) writeSync(1, `${number}\n`);
});
// A disk that is full ends it, with the code of the refusal.
process.on('uncaughtException', (error: Error & { readonly code?: string }) => {
  writeSync(1, `refused ${error.code} after ${next}\n`);
  process.exit(3);
});
let next = 0;
function appendSome(): void {
  for (let count = 0; count < 20; count += 1) {
    const result = db.call('add_item', { id: 0n, code: `n${next}`, owner: 'ann', rank: next, tag: 'x'.repeat(50) });
    if (result.outcome !== 'committed') throw new Error(`append failed: ${result.outcome}`);
    numberAt.set(result.offset, next);
    next += 1;
  }
  setTimeout(appendSome, 1);
}
db.database.connect({ identity: 'aa'.repeat(32), connectionId: 'c1'.repeat(16), jwtPayload: '{"sub":"left"}' });
appendSome();
