import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { auditStatements } from '../src/audit-statements.ts';
import { preparer } from '../src/compile.ts';
import { previousOf } from '../src/recover.ts';
import type { CheckpointSchema } from '../src/schema.ts';
import { SqliteCheckpointStore } from '../src/sqlite-store.ts';
import { streamStatements } from '../src/stream-statements.ts';
import {
  clock,
  codeOf,
  event,
  filesOf,
  nextChange,
  open,
  random,
  scope,
  streamId,
  withFolder,
  withStore,
} from './support.ts';

describe('a file that fails', () => {
  test('I13 a full disk fails the commit, changes nothing, and the same commit works when there is room', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file, { max_bytes: 300_000 });
      let code = '';
      while (code === '') {
        const change = nextChange(store, 10, 500);
        code = await codeOf(() => store.commit([change])).then((it) => (it === 'nothing thrown' ? '' : it));
      }
      expect(code).toBe('disk_full');
      const stored = store.load(streamId);
      expect(stored?.seq).toBeGreaterThan(50n);
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: Number(stored?.seq) });
      expect(store.counts()).toMatchObject({ refused_commits: 1, committed_events: Number(stored?.seq) });
      const refused = nextChange(store, 10, 500);
      await store.close();
      store = await open(file);
      expect(store.recovered).toBeUndefined();
      expect(store.load(streamId)).toEqual(stored);
      store.commit([refused]);
      expect(store.verify(streamId)).toMatchObject({ outcome: 'consistent', events: Number(refused.seq) });
      await store.close();
    });
  });

  test('I13 a file that cannot be written any more fails the commit, and reading goes on', async () => {
    await withStore(async (store, file) => {
      store.commit([nextChange(store, 3)]);
      // Another connection that holds the write lock: the same answer to a writer as a medium that lets nobody write.
      const other = new Sqlite(file);
      other.exec('begin immediate');
      expect(await codeOf(() => store.commit([nextChange(store, 1)]))).toBe('locked');
      expect(store.load(streamId)?.seq).toBe(3n);
      other.exec('rollback');
      other.close();
      store.commit([nextChange(store, 1)]);
      expect(store.load(streamId)?.seq).toBe(4n);
    });
  });

  test('I13 a medium that has become read-only fails the commit with its own code, and reading goes on', async () => {
    await withStore(async (writer, file) => {
      writer.commit([nextChange(writer, 3)]);
      const sqlite = new Sqlite(file, { readonly: true });
      sqlite.defaultSafeIntegers(true);
      const db = new Kysely<CheckpointSchema>({ dialect: new SqliteDialect({ database: sqlite }) });
      const statements = {
        ...streamStatements(preparer(sqlite), db, 1n),
        ...auditStatements(preparer(sqlite), db, 1n),
      };
      const lock = { release: () => undefined };
      const limits = { quarantined_per_stream: 10, resets_per_stream: 10 };
      const settings = { clock, limits, synchronous: 'NORMAL', recovered: undefined } as const;
      const store = new SqliteCheckpointStore({ file, scope, sqlite, statements, lock, ...settings });
      expect(await codeOf(() => store.commit([nextChange(store, 1)]))).toBe('read_only');
      expect(await codeOf(() => store.quarantine({ stream_id: streamId, reason: 'r', event: event(9) }))).toBe(
        'read_only',
      );
      expect(store.load(streamId)).toEqual(writer.load(streamId));
      await store.close();
    });
  });

  test('a path that cannot be a store is refused with what to do', async () => {
    await withFolder(async (folder) => {
      const plain = path.join(folder, 'plain');
      fs.writeFileSync(plain, 'x');
      fs.mkdirSync(path.join(folder, 'a-folder'));
      expect(await codeOf(() => open(path.join(plain, 'sync.sqlite')))).toBe('unusable_file');
      expect(await codeOf(() => open(path.join(folder, 'a-folder')))).toBe('unusable_file');
      expect(await codeOf(() => open(''))).toBe('invalid_option');
      expect(await codeOf(() => open(':memory:'))).toBe('invalid_option');
      expect(await codeOf(() => open(plain, { scope: { environment: '', database: 'd', account: 'a' } }))).toBe(
        'invalid_option',
      );
      expect(await codeOf(() => open(plain, { max_bytes: Number.NaN }))).toBe('invalid_option');
      expect(fs.readFileSync(plain, 'utf8')).toBe('x');
    });
  });
});

/** Overwrites the middle of a closed database with noise. */
function damage(file: string): void {
  const handle = fs.openSync(file, 'r+');
  fs.writeSync(handle, Buffer.alloc(16_384, 0xa5), 0, 16_384, 4_096);
  fs.closeSync(handle);
}

describe('a damaged file', () => {
  test('I11 is set aside and replaced by the previous generation, and both are reported', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 20, 400)]);
      await store.backup();
      const kept = store.load(streamId);
      store.commit([nextChange(store, 20, 400)]);
      await store.close();
      damage(file);
      const bytes = fs.readFileSync(file);
      store = await open(file);
      const { recovered } = store;
      expect(recovered).toMatchObject({
        reason: 'corrupt',
        restored_from: 'previous',
        previous_quarantined: undefined,
      });
      expect(fs.readFileSync(recovered?.quarantined ?? '')).toEqual(bytes);
      expect(store.load(streamId)).toEqual(kept);
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 20 });
      store.commit([nextChange(store, 20, 400)]);
      await store.close();
      store = await open(file);
      expect(store.recovered).toBeUndefined();
      await store.close();
    });
  });

  test.each([
    ['no database at all', (file: string) => fs.writeFileSync(file, 'this is not a database, and long enough to tell')],
    ['a damaged one', damage],
    ['cut short', (file: string) => fs.truncateSync(file, 6_000)],
  ])(
    'I11 without a previous generation, %s is set aside and the store says that it is empty',
    async (_name, break_) => {
      await withFolder(async (folder) => {
        const file = path.join(folder, 'sync.sqlite');
        let store = await open(file);
        store.commit([nextChange(store, 20, 400)]);
        await store.close();
        break_(file);
        store = await open(file);
        expect(store.recovered).toMatchObject({ reason: 'corrupt', restored_from: 'nothing' });
        expect(fs.existsSync(store.recovered?.quarantined ?? '')).toBe(true);
        expect(store.streams()).toEqual([]);
        await store.close();
      });
    },
  );

  test('I11 damage in the middle, where no watermark lies, is found', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 300, 600)]);
      await store.close();
      const middle = Math.floor(fs.statSync(file).size / 2 / 4_096) * 4_096;
      const handle = fs.openSync(file, 'r+');
      fs.writeSync(handle, Buffer.alloc(4_096, 0xa5), 0, 4_096, middle);
      fs.closeSync(handle);
      store = await open(file);
      expect(store.recovered).toMatchObject({ reason: 'corrupt', restored_from: 'nothing' });
      await store.close();
    });
  });

  test('I11 two damaged files are two reports, and neither is removed', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 20, 400)]);
      await store.backup();
      await store.close();
      damage(file);
      damage(previousOf(file));
      store = await open(file);
      expect(store.recovered).toMatchObject({ reason: 'corrupt', restored_from: 'nothing' });
      for (const aside of [store.recovered?.quarantined, store.recovered?.previous_quarantined]) {
        expect(fs.existsSync(aside ?? '')).toBe(true);
      }
      await store.close();
    });
  });

  test('I11 a second damage in the same millisecond does not overwrite the first file', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      for (const noise of ['first noise, not a database', 'second noise, not a database']) {
        fs.writeFileSync(file, noise);
        await (await open(file, { random: { ...random, bytes: () => new Uint8Array([1, 2]) } })).close();
      }
      const asides = filesOf(folder).filter((name) => name.includes('.corrupt-'));
      expect(asides.map((name) => fs.readFileSync(path.join(folder, name), 'utf8')).sort()).toEqual([
        'first noise, not a database',
        'second noise, not a database',
      ]);
    });
  });

  test.each([
    ['a watermark beyond its events', 'update streams set seq = seq + 1'],
    ['a watermark before its events', 'update streams set seq = seq - 1'],
    ['no first event', 'delete from events where seq = 1'],
    ['no generation', 'delete from generations'],
  ])('I11 %s is an inconsistent file', async (_name, statement) => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 3)]);
      await store.close();
      const raw = new Sqlite(file);
      raw.exec(statement);
      raw.close();
      store = await open(file);
      expect(store.recovered).toMatchObject({ reason: 'inconsistent', restored_from: 'nothing' });
      await store.close();
    });
  });

  test('I11 a file that is gone is restored from the previous generation, and that is said', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 3)]);
      await store.backup();
      await store.close();
      fs.rmSync(file);
      store = await open(file);
      expect(store.recovered).toMatchObject({ reason: 'missing', restored_from: 'previous', quarantined: undefined });
      expect(store.load(streamId)?.seq).toBe(3n);
      await store.close();
    });
  });

  test('I11 an opening that ended after setting the file aside is not taken for a first one', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 20, 400)]);
      await store.close();
      fs.renameSync(file, `${file}.corrupt-before`);
      store = await open(file);
      expect(store.recovered).toMatchObject({ reason: 'missing', restored_from: 'nothing' });
      await store.close();
      store = await open(file);
      expect(store.recovered).toBeUndefined();
      await store.close();
    });
  });

  test.each([
    ['payload_hash_mismatch', "update events set payload = '{}' where seq = 2", 2n],
    ['missing_event', 'delete from events where seq = 2', 2n],
    ['missing_event', 'delete from events where seq = 3', 3n],
    ['chain_differs', "update events set kind = 'another' where seq = 2", 3n],
    ['chain_differs', "update streams set chain = 'another'", 3n],
  ] as const)('I19 verify finds %s', async (reason, statement, seq) => {
    await withStore(async (store, file) => {
      store.commit([nextChange(store, 3)]);
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 3 });
      const raw = new Sqlite(file);
      raw.exec(statement);
      raw.close();
      expect(store.verify(streamId)).toEqual({ outcome: 'damaged', reason, seq });
    });
  });

  test('I19 nothing is verified of a stream that is not stored', async () => {
    await withStore(async (store) => {
      expect(await codeOf(() => store.verify(streamId))).toBe('unknown_stream');
    });
  });
});

describe('a file of somebody else', () => {
  test('I15 a newer schema is refused and left as it is', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      await (await open(file)).close();
      const raw = new Sqlite(file);
      raw.exec("insert into kysely_migration values ('9999_future', '2099-01-01')");
      raw.pragma('journal_mode = delete');
      raw.close();
      const bytes = fs.readFileSync(file);
      expect(await codeOf(() => open(file))).toBe('schema_newer');
      expect(fs.readFileSync(file)).toEqual(bytes);
      expect(await codeOf(() => open(file))).toBe('schema_newer');
    });
  });

  test.each(['create table notes (text)', 'pragma application_id = 7'])(
    'I15 a database made by "%s" is refused and left as it is',
    async (statement) => {
      await withFolder(async (folder) => {
        const file = path.join(folder, 'notes.sqlite');
        const raw = new Sqlite(file);
        raw.exec(statement);
        raw.close();
        const bytes = fs.readFileSync(file);
        expect(await codeOf(() => open(file))).toBe('not_a_checkpoint_file');
        expect(fs.readFileSync(file)).toEqual(bytes);
      });
    },
  );
});

describe('the previous generation', () => {
  test('I12 is a whole store of its own, made while commits go on', async () => {
    await withStore(async (store, file, folder) => {
      store.commit([nextChange(store, 50, 200)]);
      const [first, second] = [store.backup(), store.backup()];
      store.commit([nextChange(store, 5, 200)]);
      expect(await first).toEqual(await second);
      const copy = path.join(folder, 'copy.sqlite');
      fs.copyFileSync(previousOf(file), copy);
      const restored = await open(copy);
      expect(restored.recovered).toBeUndefined();
      expect(restored.verify(streamId)).toMatchObject({ outcome: 'consistent' });
      await restored.close();
      expect(filesOf(folder).filter((name) => name.includes('partial'))).toEqual([]);
    });
  });

  test('I12 is kept when the copy that should replace it is not good', async () => {
    await withStore(async (store, file, folder) => {
      store.commit([nextChange(store, 3)]);
      await store.backup();
      const good = fs.readFileSync(previousOf(file));
      const raw = new Sqlite(file);
      raw.exec('update streams set seq = seq + 1');
      raw.close();
      expect(await codeOf(() => store.backup())).toBe('corrupt');
      expect(fs.readFileSync(previousOf(file))).toEqual(good);
      expect(filesOf(folder).filter((name) => name.includes('partial'))).toEqual([]);
    });
  });

  test('I12 closing gives up a copy under way and keeps the old one', async () => {
    await withStore(async (store, file) => {
      store.commit([nextChange(store, 3)]);
      await store.backup();
      const good = fs.readFileSync(previousOf(file));
      store.commit([nextChange(store, 3)]);
      const underWay = codeOf(() => store.backup());
      await store.close();
      expect(await underWay).toBe('closed');
      expect(fs.readFileSync(previousOf(file))).toEqual(good);
      expect(await codeOf(() => store.backup())).toBe('closed');
    });
  });
});

describe('the store file', () => {
  test('I7 events of a replaced state are removed by parts', async () => {
    await withStore(async (store, file) => {
      store.commit([nextChange(store, 5)]);
      store.resetStream(streamId, { epoch: 'another', seq: 9n, chain: 'floor', reason: 'epoch_changed' });
      expect([store.discardRetired(3), store.discardRetired(3), store.discardRetired(3)]).toEqual([3, 2, 0]);
      const raw = new Sqlite(file, { readonly: true });
      expect(raw.prepare('select count(*) as number from events').get()).toEqual({ number: 0 });
      raw.close();
      expect(store.load(streamId)).toMatchObject({ epoch: 'another', seq: 9n });
    });
  });

  test('I8 another environment or database is another store', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'sync.sqlite');
      let store = await open(file);
      store.commit([nextChange(store, 2)]);
      for (const part of [{ environment: 'another' }, { database: 'another' }]) {
        await store.close();
        store = await open(file, { scope: { ...scope, ...part } });
        expect(store.streams()).toEqual([]);
      }
      await store.close();
    });
  });

  test('I2 a refused commit says what is stored', async () => {
    await withStore((store) => {
      const late = { ...nextChange(store, 1), expected_seq: 4n, seq: 5n, events: [event(5)] };
      const refusal = (stored: unknown) => expect.objectContaining({ details: { stream_id: streamId, stored } });
      expect(() => store.commit([late])).toThrow(refusal(null));
      store.commit([nextChange(store, 2)]);
      expect(() => store.commit([late])).toThrow(refusal({ epoch: late.epoch, seq: '2' }));
    });
  });

  test('I1 counts say what happened', async () => {
    await withStore(async (store) => {
      store.commit([{ ...nextChange(store, 3), effects: [{ kind: 'a', body: '' }] }]);
      await codeOf(() => store.commit([{ ...nextChange(store, 1), expected_seq: 0n, seq: 1n }]));
      store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(2) });
      store.resetStream('runtime.other', { epoch: 'e', seq: 0n, chain: 'c', reason: 'test' });
      expect(store.counts()).toEqual({
        commits: 1,
        committed_events: 3,
        refused_commits: 1,
        listener_errors: 0,
        streams: 2,
        resets: 1,
        quarantined: 1,
        unsettled_effects: 1,
        quarantine_overflow: 0,
        resets_overflow: 0,
      });
    });
  });

  test.each(['NORMAL', 'FULL'] as const)('I9 runs in WAL with synchronous %s', async (synchronous) => {
    await withStore(
      (store, file) => {
        store.commit([nextChange(store, 1)]);
        expect(fs.existsSync(`${file}-wal`)).toBe(true);
        expect(store.load(streamId)?.seq).toBe(1n);
      },
      { synchronous },
    );
  });
});
