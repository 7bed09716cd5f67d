// The example of README.md, compiled and run; the last test compares the text of both.
import fs from 'node:fs';
import path from 'node:path';
import { openCheckpointStore } from '@autopilot/checkpoint';
import { draftEvent, extendChain, genesisChain, type SyncEvent } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { expect, jest, test } from '@jest/globals';
import { withFolder } from './support.ts';

async function storeOneEvent(file: string): Promise<bigint | undefined> {
  const store = await openCheckpointStore({
    file,
    scope: { environment: 'production', database: 'autopilot', account: 'alice' },
    synchronous: 'NORMAL',
    ...systemPorts,
  });
  if (store.recovered !== undefined) process.emitWarning(`The checkpoint file was ${store.recovered.reason}.`);
  store.onCommitted((commit) => process.emitWarning(`${commit.changes.length} stream(s) moved on`));

  const stream_id = 'runtime.run.42.events';
  const stored = store.load(stream_id);
  const expected_seq = stored?.seq ?? 0n;
  const seq = expected_seq + 1n;
  const event: SyncEvent = {
    ...draftEvent({ stream_id, kind: 'item/completed', payload: { n: `${seq}` }, idempotency_key: `key-${seq}` }),
    epoch: 'epoch-1',
    seq,
    committed_at: 0n,
  };
  const chain = extendChain(stored?.chain ?? genesisChain(stream_id), event);
  store.commit([{ stream_id, epoch: 'epoch-1', expected_seq, events: [event], seq, chain }]);

  const watermark = store.load(stream_id)?.seq;
  await store.close();
  return watermark;
}

test('the example does what the README says', async () => {
  const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  await withFolder(async (folder) => {
    const file = path.join(folder, 'sync.sqlite');
    expect(await storeOneEvent(file)).toBe(1n);
    expect(await storeOneEvent(file)).toBe(2n);
  });
  expect(warnings.mock.calls).toEqual([['1 stream(s) moved on'], ['1 stream(s) moved on']]);
  warnings.mockRestore();
});

test('the example is the one of the README', () => {
  const folder = path.join(import.meta.dirname, '..');
  const source = fs.readFileSync(import.meta.filename, 'utf8');
  const example = fs.readFileSync(path.join(folder, 'README.md'), 'utf8').split('```ts\n')[1]?.split('```')[0] ?? '';
  const [imports = '', ...body] = example.replaceAll('export async', 'async').split('\n\n');
  for (const line of imports.split('\n')) expect(source).toContain(line);
  expect(body.length).toBeGreaterThan(0);
  expect(source).toContain(body.join('\n\n'));
});
