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

  test('every call is announced by its name before it does anything, and the last closing is not', async () => {
    const calls: string[] = [];
    const store = memoryCheckpoints({ clock, onCall: (method) => calls.push(method) }).open(scope);
    const page = { after: 0n, limit: 1 };
    const known = nextChange(store, 1);
    const all: Record<Exclude<keyof CheckpointStore, 'scope' | 'recovered' | 'close'>, () => unknown> = {
      load: () => store.load(streamId),
      streams: () => store.streams(),
      commit: () => store.commit([known]),
      resetStream: () => store.resetStream(streamId, { epoch: 'e', seq: 0n, chain: 'c', reason: 'test' }),
      resets: () => store.resets(),
      events: () => store.events(streamId, page),
      hashAt: () => store.hashAt(streamId, 'e', 1n),
      seqOf: () => store.seqOf(streamId, 'e', 'key-1'),
      quarantine: () => store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(1) }),
      quarantined: () => store.quarantined(),
      overflows: () => store.overflows(),
      clearQuarantine: () => store.clearQuarantine(streamId),
      effects: () => store.effects(page),
      settleEffect: () => store.settleEffect(1n),
      verify: () => store.verify(streamId),
      discardRetired: () => store.discardRetired(1),
      trim: () => store.trim(streamId, { through: 1n, limit: 1 }),
      reclaim: () => store.reclaim(1),
      onCommitted: () => store.onCommitted(() => undefined),
      counts: () => store.counts(),
      backup: () => store.backup(),
    };
    calls.length = 0;
    for (const call of Object.values(all)) await call();
    expect(calls).toEqual(Object.keys(all));
    expect(store.reclaim(5)).toEqual({ freed_pages: 0, free_pages: 0 });
    expect(await store.backup()).toEqual({ file: 'memory', bytes: 0 });
    await store.close();
    expect(() => store.load(streamId)).toThrow('The store is closed.');
  });

  test('I16 I23 I24 what went wrong is kept with its times, in whole milliseconds', () => {
    let now = 1_000.9;
    const store = memoryCheckpoints({ clock: { now: () => now, monotonic: () => 0 } }).open(scope, {
      quarantined_per_stream: 1,
      resets_per_stream: 1,
    });
    for (const seq of [1, 1, 2, 3]) {
      store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(seq) });
      now += 1_000;
    }
    for (const seq of [1n, 2n, 3n]) {
      store.resetStream(streamId, { epoch: 'e', seq, chain: 'c', reason: 'test' });
      now += 1_000;
    }
    expect(store.quarantined()).toMatchObject([{ times: 2n, first_at_ms: 1_000, last_at_ms: 2_000 }]);
    expect(store.overflows()).toMatchObject([
      { of: 'quarantine', times: 2n, first_at_ms: 3_000, last_at_ms: 4_000 },
      { of: 'resets', times: 2n, first_at_ms: 6_000, last_at_ms: 7_000 },
    ]);
    expect(store.resets()).toMatchObject([{ at_ms: 7_000 }]);
    expect(store.load(streamId)?.updated_at_ms).toBe(7_000);
  });

  test('I8 another environment or database is another store', async () => {
    const checkpoints = memoryCheckpoints({ clock });
    let store = checkpoints.open(scope);
    store.commit([nextChange(store, 2)]);
    for (const part of [{ environment: 'another' }, { database: 'another' }, { account: 'another' }]) {
      await store.close();
      store = checkpoints.open({ ...scope, ...part });
      expect(store.streams()).toEqual([]);
      expect(() => checkpoints.open(scope)).toThrow('in use');
    }
    await store.close();
    expect(checkpoints.open(scope).load(streamId)?.seq).toBe(2n);
  });

  test('I11 a damaged place goes back to its backup, or is empty, and says so once', async () => {
    const checkpoints = memoryCheckpoints({ clock });
    let store = checkpoints.open(scope);
    store.commit([nextChange(store, 2)]);
    await store.close();
    checkpoints.damage();
    store = checkpoints.open(scope);
    const recovered = {
      ...{ reason: 'corrupt', detail: 'it was damaged on purpose', restored_from: 'nothing' },
      ...{ quarantined: undefined, previous_quarantined: undefined },
    };
    expect(store.recovered).toStrictEqual(recovered);
    expect(store.streams()).toEqual([]);
    store.commit([{ ...nextChange(store, 3), effects: [{ kind: 'a', body: '' }] }]);
    await store.backup();
    store.commit([nextChange(store, 4)]);
    await store.close();
    checkpoints.damage();
    store = checkpoints.open(scope);
    expect(store.recovered).toStrictEqual({ ...recovered, restored_from: 'previous' });
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
