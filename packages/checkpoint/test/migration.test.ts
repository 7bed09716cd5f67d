import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { codeOf, event, nextChange, open, streamId, withFolder } from './support.ts';

const other = 'runtime.run.43.events';
const dump = fs.readFileSync(path.join(import.meta.dirname, 'fixtures', 'schema-0001.sql'), 'utf8');

/** Makes a file of version 0.1.0, as it left it: closed, in WAL, without a way to give space back by parts. */
function makeOldFile(file: string, more = ''): void {
  const raw = new Sqlite(file);
  raw.pragma('journal_mode = wal');
  raw.exec(dump + more);
  raw.close();
}

const settingOf = (file: string, name: string) => {
  const raw = new Sqlite(file, { readonly: true });
  const value = raw.pragma(name, { simple: true });
  raw.close();
  return value;
};

describe('a file of an older schema', () => {
  test('I27 is brought up to date with everything in it, once', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      makeOldFile(file);
      for (const turn of ['brought up to date', 'as it is']) {
        const store = await open(file);
        expect(store.recovered).toBeUndefined();
        expect(store.load(streamId)).toMatchObject({ epoch: 'epoch-2', seq: 40n, base_seq: 40n, contiguity: 'dense' });
        expect(store.verify(other)).toEqual({ outcome: 'consistent', events: 4 });
        expect(store.resets()).toMatchObject([{ reason: 'retention_floor_breach', from: { seq: 3n } }]);
        expect(store.quarantined()).toMatchObject([{ event: event(2), times: 2n }]);
        expect(store.effects({ after: 0n, limit: 10 })).toMatchObject([{ stream_id: other, body: 'done' }]);
        expect([turn, store.counts().quarantine_overflow]).toEqual([turn, 0]);
        await store.close();
      }
      const store = await open(file);
      expect(store.discardRetired(10)).toBe(3);
      store.commit([nextChange(store, 2, 0, other)]);
      expect(store.verify(other)).toEqual({ outcome: 'consistent', events: 6 });
      await store.close();
      expect(settingOf(file, 'auto_vacuum')).toBe(2);
    });
  });

  test('I27 its schema is the one of a new file', async () => {
    await withFolder(async (folder) => {
      const schemaOf = (file: string) => {
        const raw = new Sqlite(file, { readonly: true });
        const rows = raw
          .prepare("select name, sql from sqlite_master where name not like 'kysely%' order by name")
          .all();
        raw.close();
        return rows;
      };
      const [old, fresh] = [path.join(folder, 'old.sqlite'), path.join(folder, 'new.sqlite')];
      makeOldFile(old);
      for (const file of [old, fresh]) await (await open(file)).close();
      expect(schemaOf(old)).toEqual(schemaOf(fresh));
    });
  });

  test('I11 is looked at before it is brought up to date', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      makeOldFile(file, 'update streams set seq = 9 where id = 2;');
      const store = await open(file);
      expect(store.recovered).toMatchObject({ reason: 'inconsistent', restored_from: 'nothing' });
      expect(settingOf(store.recovered?.quarantined ?? '', 'auto_vacuum')).toBe(0);
      await store.close();
    });
  });

  test('I12 I27 a previous generation of it is restored and brought up to date', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      makeOldFile(`${file}.previous`);
      fs.writeFileSync(file, 'not a database any more');
      const store = await open(file);
      expect(store.recovered).toMatchObject({ reason: 'corrupt', restored_from: 'previous' });
      expect(store.verify(other)).toEqual({ outcome: 'consistent', events: 4 });
      await store.close();
    });
  });

  test.each([
    ['a new file', () => undefined],
    ['a file of an older schema', makeOldFile],
  ])('I13 I27 %s that has no room to be opened is as it was, and is opened when there is', async (_name, make) => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      make(file);
      const schemaOf = () => {
        const raw = new Sqlite(file);
        const names = raw.prepare('select name from sqlite_master order by name').all();
        raw.close();
        return names;
      };
      const before = schemaOf();
      // A bound on the pages is the stand-in for a disk that is full: one page more each time, until it is enough.
      let refused = 0;
      for (let pages = 1; ; pages += 1) {
        const code = await codeOf(async () => (await open(file, { max_bytes: pages * 4096 })).close());
        if (code === 'nothing thrown') break;
        expect([pages, code]).toEqual([pages, 'disk_full']);
        expect(schemaOf()).toEqual(before);
        refused += 1;
      }
      expect(refused).toBeGreaterThan(0);
      const store = await open(file);
      expect(store.recovered).toBeUndefined();
      if (before.length > 0) expect(store.verify(other)).toEqual({ outcome: 'consistent', events: 4 });
      store.commit([nextChange(store, 2, 0, other)]);
      expect(store.verify(other)).toMatchObject({ outcome: 'consistent' });
      await store.close();
    });
  });

  test('I15 a migration of a newer version is refused even when the ones known here are missing', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      makeOldFile(file, "insert into kysely_migration values ('0003_future', '2099-01-01');");
      const before = fs.readFileSync(file);
      expect(await codeOf(() => open(file))).toBe('schema_newer');
      expect(fs.readFileSync(file)).toEqual(before);
    });
  });
});
