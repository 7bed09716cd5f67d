// Commits in a loop until it is killed, and says what it was told is committed.
import fs from 'node:fs';
import { flushCompileCache } from 'node:module';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { openCheckpointStore } from '../src/index.ts';
import { nextChange, scope } from './support.ts';

// Killed, it could not keep what it has compiled for the next one.
flushCompileCache();

const file = process.argv[2] ?? '';
const store = await openCheckpointStore({ file, scope, synchronous: 'NORMAL', ...systemPorts });
store.onCommitted(({ changes }) => {
  // Written at once and by the kernel: what stands here was reported before the kill.
  for (const { stream_id, seq, chain } of changes) fs.writeSync(1, `${stream_id} ${seq} ${chain}\n`);
});
for (let turn = 0; ; turn += 1) {
  const streams = [`runtime.a.${turn % 3}`, `runtime.b.${turn % 2}`];
  store.commit(
    streams.map((name) => ({
      ...nextChange(store, 1 + (turn % 40), 100, name),
      effects: [{ kind: 'turn', body: `${turn}` }],
    })),
  );
}
