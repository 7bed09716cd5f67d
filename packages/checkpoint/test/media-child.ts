// Uses a store on a medium that does not let it, and says what it met: run with a limit on the size of files, or without
// the right to write.
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { type CheckpointStore, openCheckpointStore } from '../src/index.ts';
import { codeOf, nextChange, scope, streamId } from './support.ts';

const [file = '', what = ''] = process.argv.slice(2);
const options = { file, scope, synchronous: 'NORMAL', ...systemPorts } as const;

async function writeUntilItFails(): Promise<unknown> {
  const store = await openCheckpointStore(options);
  let failed: { code: string; native: unknown } | undefined;
  while (failed === undefined) failed = failureOf(store);
  // The second try meets the same, and reading goes on.
  const again = failureOf(store);
  const [seq, counts] = [`${store.load(streamId)?.seq}`, store.counts()];
  const verified = store.verify(streamId).outcome;
  await store.close();
  return { failed, again, seq, refused: counts.refused_commits, verified };
}

function failureOf(store: CheckpointStore): { code: string; native: unknown } | undefined {
  try {
    store.commit([nextChange(store, 10, 500)]);
    return undefined;
  } catch (error) {
    const { code, details } = error as { code: string; details: Record<string, unknown> };
    return { code, native: details.native_code };
  }
}

async function openAsNobody(): Promise<unknown> {
  // Whoever may do everything is not refused: as nobody, after everything has been loaded.
  if (process.getuid?.() === 0) process.setuid?.(65_534);
  return { code: await codeOf(() => openCheckpointStore(options)) };
}

const met = what === 'write' ? await writeUntilItFails() : await openAsNobody();
process.stdout.write(JSON.stringify(met));
