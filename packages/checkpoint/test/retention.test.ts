import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { type CheckpointStore, compact } from '../src/index.ts';
import { memoryCheckpoints } from '../src/memory.ts';
import { clock, codeOf, nextChange, open, scope, streamId, withFolder, withStore } from './support.ts';

const other = 'runtime.run.43.events';

describe('the file of a store', () => {
  test('I26 becomes smaller when events were removed and their pages given back by parts', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 500, 2_000)]);
      await store.close();
      const before = fs.statSync(file).size;
      store = await open(file);
      store.trim(streamId, { through: 490n, limit: 500 });
      let parts = 0;
      for (let report = store.reclaim(50); report.freed_pages > 0; report = store.reclaim(50)) {
        expect(report.freed_pages).toBeLessThanOrEqual(50);
        parts += 1;
      }
      expect(parts).toBeGreaterThan(3);
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 10 });
      await store.close();
      expect(fs.statSync(file).size).toBeLessThan(before / 5);
      store = await open(file);
      expect(store.recovered).toBeUndefined();
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 10 });
      await store.close();
    });
  });

  test('I7 keeps nothing of a replaced state once its events and effects are gone', async () => {
    await withStore(async (store, file) => {
      const generations = () => {
        const raw = new Sqlite(file, { readonly: true });
        const rows = raw.prepare('select count(*) as number from generations').get();
        raw.close();
        return rows;
      };
      store.commit([{ ...nextChange(store, 5), effects: [{ kind: 'a', body: '' }] }]);
      store.resetStream(streamId, { epoch: 'another', seq: 9n, chain: 'floor', reason: 'epoch_changed' });
      store.resetStream(streamId, { epoch: 'a third', seq: 9n, chain: 'floor', reason: 'epoch_changed' });
      while (store.discardRetired(10) > 0);
      expect(generations()).toEqual({ number: 2 });
      expect(store.settleEffect(store.effects({ after: 0n, limit: 1 })[0]?.id ?? 0n)).toBe(true);
      store.discardRetired(10);
      expect(generations()).toEqual({ number: 1 });
      expect(store.load(streamId)).toMatchObject({ epoch: 'a third', seq: 9n });
    });
  });

  test('I8 the events of another account are neither removed nor counted', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 5)]);
      store.resetStream(streamId, { epoch: 'another', seq: 9n, chain: 'floor', reason: 'epoch_changed' });
      await store.close();
      store = await open(file, { scope: { ...scope, account: 'another' } });
      expect(store.discardRetired(10)).toBe(0);
      await store.close();
      store = await open(file);
      expect(store.discardRetired(10)).toBe(5);
      await store.close();
    });
  });
});

const places: readonly (readonly [string, (body: (store: CheckpointStore) => Promise<void>) => Promise<void>])[] = [
  ['the SQLite store', (body) => withStore(body)],
  ['the store in memory', (body) => body(memoryCheckpoints({ clock }).open(scope))],
];

describe.each(places)('compact on %s', (_name, withIt) => {
  test('I26 a step is bounded, and steps come to an end at what is kept of each stream', async () => {
    await withIt(async (store) => {
      store.commit([nextChange(store, 20)]);
      store.resetStream(streamId, { epoch: nextChange(store, 1).epoch, seq: 20n, chain: 'c', reason: 'test' });
      store.resetStream(streamId, { epoch: nextChange(store, 1).epoch, seq: 20n, chain: 'c', reason: 'test' });
      store.commit([nextChange(store, 30), nextChange(store, 12, 0, other)]);
      const removed: number[] = [];
      for (let more = true; more; ) {
        const report = compact(store, { keep: 5n, limit: 8, pages: 100 });
        expect(report.removed_events).toBeLessThanOrEqual(8);
        expect(report.damaged).toEqual([]);
        removed.push(report.removed_events);
        more = report.more;
      }
      expect(removed.reduce((sum, one) => sum + one, 0)).toBe(20 + 25 + 7);
      for (const id of [streamId, other]) expect(store.verify(id)).toEqual({ outcome: 'consistent', events: 5 });
      expect(compact(store, { keep: 5n, limit: 8, pages: 100 })).toMatchObject({ removed_events: 0, more: false });
      expect(compact(store, { keep: 0n, limit: 100, pages: 100 })).toMatchObject({ removed_events: 10 });
    });
  });

  test('I22 a damaged stream is named and left, and the others are cut', async () => {
    await withIt(async (store) => {
      const { events, ...change } = nextChange(store, 10);
      store.commit([{ ...change, events: events.map((one) => ({ ...one, payload: '{}' })) }]);
      store.commit([nextChange(store, 10, 0, other)]);
      expect(compact(store, { keep: 2n, limit: 100, pages: 100 })).toMatchObject({
        removed_events: 8,
        damaged: [streamId],
        more: false,
      });
      expect(store.load(streamId)?.base_seq).toBe(0n);
      expect(store.verify(other)).toEqual({ outcome: 'consistent', events: 2 });
    });
  });

  test('I26 what is no bound is refused, and what the store throws is passed on', async () => {
    await withIt(async (store) => {
      const fine = { keep: 1n, limit: 10, pages: 10 };
      for (const part of [{ keep: -1n }, { limit: 0 }, { limit: Number.NaN }, { pages: 0.5 }]) {
        expect(await codeOf(() => compact(store, { ...fine, ...part }))).toBe('invalid_option');
      }
      await store.close();
      expect(await codeOf(() => compact(store, fine))).toBe('closed');
    });
  });
});
