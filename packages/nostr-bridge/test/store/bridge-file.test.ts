import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { BridgeError, openBridgeFile } from '../../src/index.ts';
import { toBridgeError } from '../../src/store/store-errors.ts';
import { codeOf, withFile, withFolder } from '../support/bridge-file.ts';

describe('a bridge file', () => {
  test('F1 has one owner; who only looks needs no lock, and makes nothing', async () => {
    await withFile(async (file, name) => {
      expect(await codeOf(() => openBridgeFile({ file: name, as: 'owner' }))).toBe('locked');
      const observer = await openBridgeFile({ file: name, as: 'observer' });
      expect(observer.read('Looking', () => observer.sqlite.prepare('select count(*) as n from jobs').get())).toEqual({
        n: 0,
      });
      observer.close();
      file.close();
      expect(await codeOf(() => file.read('Looking', () => 1))).toBe('closed');
      expect(await codeOf(() => file.transaction('Writing', () => 1))).toBe('closed');
      (await openBridgeFile({ file: name, as: 'owner' })).close();
      expect(await codeOf(() => openBridgeFile({ file: `${name}.other`, as: 'observer' }))).toBe('unusable_file');
    });
  });

  test('F2 a file of another program, of a newer version, or that is no database, is left as it is', async () => {
    await withFolder(async (folder) => {
      const name = path.join(folder, 'other.sqlite');
      const other = new Sqlite(name);
      other.exec('create table things (id integer)');
      other.close();
      const text = path.join(folder, 'text');
      fs.writeFileSync(text, 'hello '.repeat(1_000));
      const before = [fs.readFileSync(name), fs.readFileSync(text)];
      expect(await codeOf(() => openBridgeFile({ file: name, as: 'owner' }))).toBe('not_a_bridge_file');
      expect(await codeOf(() => openBridgeFile({ file: text, as: 'owner' }))).toBe('not_a_bridge_file');
      expect([fs.readFileSync(name), fs.readFileSync(text)]).toEqual(before);
      expect(await codeOf(() => openBridgeFile({ file: path.join(folder, 'no', 'x'), as: 'owner' }))).toMatch(
        /unusable_file|internal/,
      );
    });
    await withFile(async (file, name) => {
      file.sqlite.exec("insert into kysely_migration values ('9999_later', '')");
      file.close();
      expect(await codeOf(() => openBridgeFile({ file: name, as: 'owner' }))).toBe('schema_newer');
    });
  });

  test('F2 a file of the first version is brought up to date by its owner, and not by who only looks', async () => {
    await withFile(async (file, name) => {
      const schema = () => file.sqlite.prepare('select name, sql from sqlite_master order by name').all();
      const before = schema();
      file.sqlite.exec('drop table kept; drop table quotes; drop table taken_back');
      file.sqlite.exec('drop index deliveries_pending; drop index events_settled');
      file.sqlite.exec("delete from kysely_migration where name > '0001_first'");
      expect(schema()).not.toEqual(before);
      expect(await codeOf(() => openBridgeFile({ file: name, as: 'observer' }))).toBe('unusable_file');
      file.close();
      const again = await openBridgeFile({ file: name, as: 'owner' });
      expect(again.sqlite.prepare('select name, sql from sqlite_master order by name').all()).toEqual(before);
      (await openBridgeFile({ file: name, as: 'observer' })).close();
      again.close();
    });
  });

  test('F3 a transaction is whole or nothing, also one within another', async () => {
    await withFile(async (file) => {
      const add = (name: string) => file.sqlite.prepare('insert into settings values (?, 1)').run(name);
      const code = await codeOf(() =>
        file.transaction('Outer', () => {
          file.transaction('Inner', () => add('a'));
          add('a');
        }),
      );
      expect([code, file.sqlite.prepare('select * from settings').all()]).toEqual(['internal', []]);
    });
  });

  test('F3 a part of a transaction is undone alone, and there is none without one', async () => {
    await withFile(async (file) => {
      const add = (name: string) => file.sqlite.prepare('insert into settings values (?, 1)').run(name);
      file.transaction('Outer', () => {
        file.part('Good', () => add('a'));
        expect(() =>
          file.part('Bad', () => {
            add('b');
            throw new Error('no');
          }),
        ).toThrow(expect.objectContaining({ code: 'internal' }));
      });
      expect(file.sqlite.prepare('select name from settings').all()).toEqual([{ name: 'a' }]);
      expect(await codeOf(() => file.part('Alone', () => add('c')))).toBe('internal');
      expect(file.sqlite.prepare('select name from settings').all()).toEqual([{ name: 'a' }]);
    });
  });

  test('F4 writes of one turn share a transaction, one that fails is undone alone, and all hear of it after the commit', async () => {
    await withFile(async (file, name) => {
      const other = new Sqlite(name, { readonly: true });
      const byOthers = () => other.prepare('select name from settings').pluck().all();
      const add = (word: string) => file.sqlite.prepare('insert into settings values (?, 1)').run(word);
      const seen: unknown[] = [];
      const write = (word: string, fails = false) =>
        file.together('Writing', () => {
          add(word);
          seen.push(byOthers());
          if (fails) throw new BridgeError('idempotency_conflict', 'No.');
          return word;
        });
      const asked = [write('a'), write('b', true), write('c')];
      const answers = asked.map(async (one) => {
        const answer = await one.catch((error: BridgeError) => error.code);
        return [answer, byOthers()];
      });
      expect(seen).toEqual([]);
      expect(await Promise.all(answers)).toEqual([
        ['a', ['a', 'c']],
        ['idempotency_conflict', ['a', 'c']],
        ['c', ['a', 'c']],
      ]);
      expect(seen).toEqual([[], [], []]);
      other.close();
    });
  });

  test('F4 what cannot be stored together is tried alone', async () => {
    await withFile(async (file) => {
      const add = (word: string) => {
        file.sqlite.prepare('insert into settings values (?, 1)').run(word);
        // As SQLite does by itself when a disk is full at the wrong moment.
        if (word === 'b') {
          file.sqlite.exec('rollback');
          throw new BridgeError('disk_full', 'No room.');
        }
      };
      const asked = ['a', 'b', 'c'].map((word) => codeOf(() => file.together('Writing', () => add(word))));
      expect(await Promise.all(asked)).toEqual(['nothing thrown', 'disk_full', 'nothing thrown']);
      expect(file.sqlite.prepare('select name from settings').pluck().all()).toEqual(['a', 'c']);
    });
  });

  test('F4 what waits when the file is closed is written, and what comes later is refused', async () => {
    await withFile(async (file, name) => {
      const add = (word: string) => () => file.sqlite.prepare('insert into settings values (?, 1)').run(word).changes;
      const both = Promise.all([file.together('Writing', add('a')), file.together('Writing', add('b'))]);
      file.close();
      expect(await both).toEqual([1, 1]);
      expect(await codeOf(() => file.together('Writing', add('c')))).toBe('closed');
      const other = new Sqlite(name, { readonly: true });
      expect(other.prepare('select name from settings').pluck().all()).toEqual(['a', 'b']);
      other.close();
    });
  });

  test.each([
    ['SQLITE_FULL', 'disk_full'],
    ['SQLITE_BUSY_SNAPSHOT', 'locked'],
    ['SQLITE_CORRUPT', 'corrupt'],
    ['SQLITE_NOTADB', 'not_a_bridge_file'],
    ['SQLITE_CANTOPEN', 'unusable_file'],
    ['SQLITE_READONLY', 'unusable_file'],
    ['SQLITE_IOERR_WRITE', 'io_error'],
    ['SQLITE_MISUSE', 'internal'],
  ])('F2 %s becomes %s', (native, code) => {
    const cause = Object.assign(new Error('native'), { code: native });
    expect(toBridgeError(cause, 'Testing')).toMatchObject({ code, cause, details: { native_code: native } });
  });
});
