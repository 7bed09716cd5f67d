import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import type { Contestant } from '../measure/in-turns.ts';
import type { Item } from './items.ts';

/**
 * A prepared insert of better-sqlite3 into a table like that of the module: a primary key and one index.
 *
 * @param perTransaction Rows that are committed together.
 */
export function bareInsert(
  name: string,
  folder: string,
  items: (n: number) => Item,
  count: number,
  perTransaction: number,
): Contestant {
  return {
    name,
    prepare: () => {
      const own = mkdtempSync(path.join(folder, 'bare-'));
      const db = new Sqlite(path.join(own, 'bare.sqlite'));
      db.pragma('journal_mode = wal');
      db.pragma('synchronous = normal');
      db.exec('create table item (id integer primary key, topic text not null, text text not null) strict');
      db.exec('create index item_topic on item (topic)');
      const insert = db.prepare('insert into item values (?, ?, ?)');
      const some = db.transaction((from: number, to: number) => {
        for (let n = from; n < to; n += 1) {
          const { id, topic, text } = items(n);
          insert.run(id, topic, text);
        }
      });
      return {
        work: () => {
          for (let n = 0; n < count; n += perTransaction) some.immediate(n, Math.min(count, n + perTransaction));
        },
        check: () => {
          const rows = db.prepare<[], { rows: number }>('select count(*) as rows from item').get()?.rows;
          db.close();
          rmSync(own, { recursive: true });
          return rows ?? 0;
        },
      };
    },
  };
}
