import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { nextChange, open, scope, streamId, withFolder, withStore } from './support.ts';

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
