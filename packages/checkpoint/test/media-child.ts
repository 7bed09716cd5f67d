// Uses a store on a medium that does not let it, and says what it met: run with a limit on the size of files, or without
// the right to write.
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { type CheckpointStore, openCheckpointStore } from '../src/index.ts';
import { codeOf, nextChange, scope, streamId } from './support.ts';

const [what = '', ...files] = process.argv.slice(2);
const options = { scope, synchronous: 'NORMAL', ...systemPorts } as const;

async function writeUntilItFails(file: string): Promise<unknown> {
  const store = await openCheckpointStore({ ...options, file });
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
  const codes: string[] = [];
  for (const file of files) codes.push(await codeOf(() => openCheckpointStore({ ...options, file })));
  return codes;
}

const met = what === 'write' ? await writeUntilItFails(files[0] ?? '') : await openAsNobody();
process.stdout.write(JSON.stringify(met));
