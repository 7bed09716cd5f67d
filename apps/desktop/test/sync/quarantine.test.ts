import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { parseOptions } from '../../src/options.ts';
import { bindingFile, writeBinding } from '../../src/sync/binding.ts';
import { openStore } from '../../src/sync/open-store.ts';
import { quarantineLines } from '../../src/sync/quarantine.ts';
import { testFolder } from '../support/pipeline-bench.ts';
import { eventsOf } from '../support/scripted-lane.ts';

const id = 'runtime.run.1.events';
const binding = { database: 'sync', identity: 'c2'.repeat(32) };
let folder: ReturnType<typeof testFolder>;
let place: { readonly dataDir: string; readonly environment: string };

beforeEach(async () => {
  folder = testFolder();
  place = { dataDir: folder.dir, environment: 'dev' };
  writeBinding(bindingFile(folder.dir), binding);
  const store = await openStore({ ...place, clientId: 'desktop' }, binding, systemPorts);
  for (const event of eventsOf(id, 1, 2, { salt: '!' })) {
    store.quarantine({ stream_id: id, reason: 'hash_conflict', event, known_hash: event.payload_hash });
  }
  await store.close();
});
afterEach(() => folder.remove());

const read = async (clear?: string) =>
  (await quarantineLines({ ...place, clear }, systemPorts)).map((line) => JSON.parse(line));

describe('the quarantine of a desktop that is stopped', () => {
  test('is shown with all that is known of each event, and nothing is changed by looking', async () => {
    const lines = await read();
    expect(lines).toMatchObject([
      { stream_id: id, epoch: 'e1', seq: '1', reason: 'hash_conflict', times: 1, kind: 'item/completed' },
      { stream_id: id, epoch: 'e1', seq: '2', reason: 'hash_conflict', times: 1 },
    ]);
    expect(lines[0].payload).toBe(eventsOf(id, 1, 1, { salt: '!' })[0]?.payload);
    expect(lines[0].applied_payload_hash).toBe(lines[0].payload_hash);
    expect(Date.parse(lines[0].first_at)).toBeGreaterThan(0);
    expect(await read()).toEqual(lines);
  });

  test('is cleared for one stream, and says of how many', async () => {
    expect(await read('another.stream')).toEqual([{ stream_id: 'another.stream', cleared: 0 }]);
    expect(await read()).toHaveLength(2);
    expect(await read(id)).toEqual([{ stream_id: id, cleared: 2 }]);
    expect(await read()).toEqual([]);
  });

  test('is refused while a desktop runs, and where there is no store: none is made', async () => {
    const store = await openStore({ ...place, clientId: 'desktop' }, binding, systemPorts);
    await expect(read()).rejects.toMatchObject({ code: 'data_dir_locked' });
    await store.close();
    const empty = testFolder();
    await expect(
      quarantineLines({ ...place, dataDir: empty.dir, clear: undefined }, systemPorts),
    ).rejects.toMatchObject({
      code: 'data_dir_unusable',
    });
    await expect(quarantineLines({ ...place, dataDir: empty.dir, clear: undefined }, systemPorts)).rejects.toThrow(
      'no event store',
    );
    empty.remove();
  });
});

test('the command line takes one of both orders, and needs a data folder only', () => {
  expect(parseOptions(['--quarantine', '--data-dir', 'd'])).toEqual({
    quarantine: { dataDir: 'd', environment: 'dev', clear: undefined },
  });
  expect(parseOptions(['--clear-quarantine', 's', '--data-dir', 'd', '--environment', 'prod'])).toEqual({
    quarantine: { dataDir: 'd', environment: 'prod', clear: 's' },
  });
  expect(() => parseOptions(['--quarantine'])).toThrow('--data-dir is missing');
  expect(() => parseOptions(['--quarantine', '--clear-quarantine', 's', '--data-dir', 'd'])).toThrow('not both');
  expect(() => parseOptions(['--clear-quarantine', '', '--data-dir', 'd'])).toThrow('needs a stream');
});
