import { CheckpointError, type CheckpointStore } from '@autopilot/checkpoint';
import { memoryCheckpoints } from '@autopilot/checkpoint/memory';
import { genesisChain } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { createStoreUpkeep } from '../../src/sync/store-upkeep.ts';
import { type AlarmCode, createAlarmBoard } from '../../src/view-model/alarms.ts';
import { memoryLog } from '../support/memory-log.ts';
import { scope } from '../support/pipeline-bench.ts';
import { chainOf, eventsOf } from '../support/scripted-lane.ts';

const id = 'runtime.run.1.events';
const minute = 60_000;

function startUpkeep() {
  const ports = manualPorts();
  const calls: (keyof CheckpointStore)[] = [];
  let failing: keyof CheckpointStore | undefined;
  const onCall = (method: keyof CheckpointStore) => {
    calls.push(method);
    if (method === failing) throw new CheckpointError('disk_full', 'no room');
  };
  const checkpoints = memoryCheckpoints({ clock: ports.clock, onCall });
  const store = checkpoints.open(scope);
  const board = createAlarmBoard(() => 0);
  const view = {
    raise: (code: AlarmCode, message: string, streamId?: string) => void board.raise(code, message, streamId),
    clear: (code: AlarmCode, streamId?: string) => void board.clear(code, streamId),
  };
  const upkeep = createStoreUpkeep({ store, view, scheduler: ports.scheduler, log: memoryLog(), keep: 20n });
  return {
    ...{ ports, checkpoints, store, upkeep },
    count: (method: keyof CheckpointStore) => calls.filter((call) => call === method).length,
    fail: (method?: keyof CheckpointStore) => {
      failing = method;
    },
    alarms: () => board.list().map(({ code, stream_id }) => [code, stream_id]),
  };
}

function commitMany(store: CheckpointStore, count: number): void {
  const events = eventsOf(id, 1, count);
  store.commit([
    { stream_id: id, epoch: 'e1', expected_seq: 0n, events, seq: BigInt(count), chain: chainOf(id, events) },
  ]);
}

describe('the upkeep of the store', () => {
  test('what is beyond the kept events is removed by small steps, and the rest gives the chain', async () => {
    const { store, ports, count, alarms } = startUpkeep();
    commitMany(store, 2520);
    await ports.advanceAsync(minute - 1);
    expect(count('trim')).toBe(0);
    await ports.advanceAsync(1);
    expect(store.load(id)?.base_seq).toBe(1000n);
    await ports.advanceAsync(1000);
    expect(store.load(id)).toMatchObject({ base_seq: 2500n, seq: 2520n });
    expect(store.verify(id)).toEqual({ outcome: 'consistent', events: 20 });
    await ports.advanceAsync(10 * minute);
    expect(store.load(id)?.base_seq).toBe(2500n);
    expect(alarms()).toEqual([]);
  });

  test('the store is copied when something was stored since, and what is damaged comes back from the copy', async () => {
    const { store, ports, count, checkpoints } = startUpkeep();
    commitMany(store, 3);
    await ports.advanceAsync(5 * minute);
    expect(count('backup')).toBe(1);
    await ports.advanceAsync(300 * minute);
    expect(count('backup')).toBe(1);
    store.resetStream(id, { epoch: 'e2', seq: 0n, chain: genesisChain(id), reason: 'epoch_changed' });
    await ports.advanceAsync(60 * minute);
    expect(count('backup')).toBe(2);
    await store.close();
    checkpoints.damage();
    expect(checkpoints.open(scope).load(id)?.epoch).toBe('e2');
  });

  test('a copy or a step that fails is alarmed, tried again, and the alarm goes', async () => {
    const { store, ports, fail, alarms, count } = startUpkeep();
    commitMany(store, 3);
    fail('backup');
    await ports.advanceAsync(5 * minute);
    // Steps of compaction, which work, do not hide that there is no copy.
    await ports.advanceAsync(10 * minute);
    expect(alarms()).toEqual([['store_upkeep_failed', null]]);
    fail();
    await ports.advanceAsync(60 * minute);
    expect([count('backup'), alarms()]).toEqual([2, []]);
    fail('discardRetired');
    await ports.advanceAsync(minute);
    expect(alarms()).toEqual([['store_upkeep_failed', null]]);
    fail();
    await ports.advanceAsync(minute);
    expect(alarms()).toEqual([]);
  });

  test('a stream whose events do not give its chain is alarmed and left as it is, until it was started anew', async () => {
    const { store, ports, alarms } = startUpkeep();
    const events = eventsOf(id, 1, 22).map((event) => ({ ...event, payload: '{}' }));
    store.commit([{ stream_id: id, epoch: 'e1', expected_seq: 0n, events, seq: 22n, chain: 'none' }]);
    await ports.advanceAsync(minute);
    expect(alarms()).toEqual([['store_damaged', id]]);
    expect(store.load(id)?.base_seq).toBe(0n);
    store.resetStream(id, { epoch: 'e2', seq: 0n, chain: genesisChain(id), reason: 'epoch_changed' });
    await ports.advanceAsync(3 * minute);
    expect(alarms()).toEqual([]);
  });

  test('after it is closed there is no timer, and a store that was closed meanwhile is no alarm', async () => {
    const { store, ports, upkeep, alarms } = startUpkeep();
    commitMany(store, 3);
    await ports.advanceAsync(2 * minute);
    upkeep.close();
    await store.close();
    expect(ports.pending).toBe(0);
    await ports.advanceAsync(500 * minute);
    expect(alarms()).toEqual([]);
  });
});
