import { describe, expect, test } from '@jest/globals';
import { CheckpointError, type CheckpointStore } from '../src/index.ts';
import { memoryCheckpoints } from '../src/memory.ts';
import { clock, codeOf, event, nextChange, scope, streamId } from './support.ts';

describe('checkpoints in memory', () => {
  test('I13 a call fails as its holder wants, changes nothing, and works when the cause is gone', async () => {
    let failing: keyof CheckpointStore | undefined;
    const onCall = (method: keyof CheckpointStore) => {
      if (method === failing) throw new CheckpointError('disk_full', 'no room');
    };
    const store = memoryCheckpoints({ clock, onCall }).open(scope);
    const change = nextChange(store, 3);
    failing = 'commit';
    expect(await codeOf(() => store.commit([change]))).toBe('disk_full');
    expect(store.load(streamId)).toBeUndefined();
    expect(store.counts()).toMatchObject({ commits: 0, refused_commits: 1 });
    failing = 'backup';
    expect(await codeOf(() => store.backup())).toBe('disk_full');
    failing = undefined;
    store.commit([change]);
    expect(store.load(streamId)?.seq).toBe(3n);
  });

  test('I11 a damaged place goes back to its backup, or is empty, and says so once', async () => {
    const checkpoints = memoryCheckpoints({ clock });
    let store = checkpoints.open(scope);
    store.commit([nextChange(store, 2)]);
    await store.close();
    checkpoints.damage();
    store = checkpoints.open(scope);
    expect(store.recovered).toMatchObject({ reason: 'corrupt', restored_from: 'nothing' });
    expect(store.streams()).toEqual([]);
    store.commit([{ ...nextChange(store, 3), effects: [{ kind: 'a', body: '' }] }]);
    await store.backup();
    store.commit([nextChange(store, 4)]);
    await store.close();
    checkpoints.damage();
    store = checkpoints.open(scope);
    expect(store.recovered).toMatchObject({ reason: 'corrupt', restored_from: 'previous' });
    expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 3 });
    store.commit([{ ...nextChange(store, 1), effects: [{ kind: 'b', body: '' }] }]);
    expect(store.effects({ after: 0n, limit: 10 }).map(({ id }) => id)).toEqual([1n, 2n]);
    await store.close();
    store = checkpoints.open(scope);
    expect(store.recovered).toBeUndefined();
    expect(store.load(streamId)?.seq).toBe(4n);
  });

  test('I12 a backup is a copy: what comes after it does not get into it', async () => {
    const checkpoints = memoryCheckpoints({ clock });
    let store = checkpoints.open(scope);
    store.commit([nextChange(store, 2)]);
    await store.backup();
    store.commit([nextChange(store, 2)]);
    store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(9) });
    store.resetStream(streamId, { epoch: 'another', seq: 9n, chain: 'floor', reason: 'test' });
    for (const turn of [1, 2]) {
      await store.close();
      checkpoints.damage();
      store = checkpoints.open(scope);
      expect([turn, store.load(streamId)?.seq, store.counts().quarantined, store.resets()]).toEqual([turn, 2n, 0, []]);
      store.commit([nextChange(store, 5)]);
    }
  });

  test('limits and scopes that are none are refused', async () => {
    const { open } = memoryCheckpoints({ clock });
    expect(await codeOf(() => open({ ...scope, account: '' }))).toBe('invalid_option');
    for (const limit of [0, -1, 0.5, Number.NaN]) {
      expect(await codeOf(() => open(scope, { resets_per_stream: limit }))).toBe('invalid_option');
      expect(await codeOf(() => open(scope, { quarantined_per_stream: limit }))).toBe('invalid_option');
    }
    expect(open(scope).counts().streams).toBe(0);
  });
});
