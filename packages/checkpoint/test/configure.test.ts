import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { auditStatements } from '../src/audit-statements.ts';
import { preparer } from '../src/compile.ts';
import { configure } from '../src/configure.ts';
import { CheckpointError } from '../src/index.ts';
import { migrate } from '../src/migrations.ts';
import type { CheckpointSchema } from '../src/schema.ts';
import { SqliteCheckpointStore } from '../src/sqlite-store.ts';
import { streamStatements } from '../src/stream-statements.ts';
import { clock, event, nextChange, scope, streamId, withFolder } from './support.ts';

const [normal, full] = [1, 2];

describe('the settings of a connection', () => {
  test.each([
    ['NORMAL', normal],
    ['FULL', full],
  ] as const)('I9 with synchronous %s the connection has it, in WAL', async (synchronous, expected) => {
    await withFolder(async (folder) => {
      const sqlite = new Sqlite(path.join(folder, 'sync.sqlite'));
      configure(sqlite, { synchronous, max_bytes: 1_000_000 });
      const settingOf = (name: string) => sqlite.pragma(name, { simple: true });
      expect(settingOf('synchronous')).toBe(expected);
      expect(settingOf('journal_mode')).toBe('wal');
      expect(settingOf('auto_vacuum')).toBe(2);
      expect(settingOf('max_page_count')).toBe(Math.floor(1_000_000 / 4096));
      sqlite.close();
    });
  });

  test('I28 what has no source is written as with FULL, and nothing else is', async () => {
    await withFolder(async (folder) => {
      const sqlite = new Sqlite(path.join(folder, 'sync.sqlite'));
      configure(sqlite, { synchronous: 'NORMAL' });
      const db = new Kysely<CheckpointSchema>({ dialect: new SqliteDialect({ database: sqlite }) });
      await migrate(sqlite, db);
      sqlite.exec("insert into scopes values (1, 'test', 'autopilot', 'alice')");
      // Noted by the database itself while a row is being written: what the transaction will end with.
      sqlite.exec('create temp table seen (source text, synchronous integer)');
      for (const table of ['events', 'effects', 'stream_resets', 'quarantine', 'audit_overflow']) {
        const note = `insert into seen select '${table}', synchronous from pragma_synchronous`;
        sqlite.exec(`create temp trigger note_${table} after insert on main.${table} begin ${note}; end`);
      }
      sqlite.defaultSafeIntegers(true);
      const statements = {
        ...streamStatements(preparer(sqlite), db, 1n),
        ...auditStatements(preparer(sqlite), db, 1n),
      };
      const limits = { quarantined_per_stream: 1, resets_per_stream: 1 };
      const settings = { clock, limits, synchronous: 'NORMAL', recovered: undefined, file: '', scope } as const;
      const store = new SqliteCheckpointStore({ sqlite, statements, lock: { release: () => undefined }, ...settings });
      store.commit([{ ...nextChange(store, 1), effects: [{ kind: 'a', body: '' }] }]);
      for (const seq of [8, 9]) store.quarantine({ stream_id: streamId, reason: 'hash_differs', event: event(seq) });
      for (const seq of [5n, 6n]) store.resetStream(streamId, { epoch: 'e', seq, chain: 'c', reason: 'test' });
      expect(() => store.resetStream('', { epoch: 'e', seq: 0n, chain: 'c', reason: 'test' })).toThrow(CheckpointError);
      store.commit([
        {
          stream_id: streamId,
          epoch: 'e',
          expected_seq: 6n,
          events: [],
          seq: 6n,
          chain: 'c',
          effects: [{ kind: 'b', body: '' }],
        },
      ]);
      const seen = sqlite.prepare<[], { source: string; synchronous: bigint }>('select * from seen').all();
      expect(seen.map(({ source, synchronous }) => [source, Number(synchronous)])).toEqual([
        ['events', normal],
        ['effects', normal],
        ['quarantine', full],
        ['audit_overflow', full],
        ['stream_resets', full],
        ['stream_resets', full],
        ['audit_overflow', full],
        ['effects', normal],
      ]);
      await store.close();
    });
  });
});
