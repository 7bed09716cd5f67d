import { type Identity, t } from 'spacetimedb';
import type { CallerInfo } from '../../src/engine/database.ts';
import { type MemorySpec, SenderFailure, type Transaction } from './memory-database.ts';

/** Public rows, a private table, and an inbox event table and a note table with the rule `recipient = :sender`. */
export const inboxModule: MemorySpec = {
  tables: {
    player: {
      columns: { id: t.u32(), team: t.string(), score: t.i64() },
      indexes: ['team'],
      primaryKey: 'id',
    },
    team: { columns: { name: t.string(), open: t.bool() }, indexes: ['open'], primaryKey: 'name' },
    secret: { columns: { id: t.u32() }, isPublic: false },
    note: { columns: { recipient: t.identity(), text: t.string() }, indexes: ['recipient'] },
    live_inbox: {
      columns: { recipient: t.identity(), stream_id: t.string(), seq: t.u64() },
      isEvent: true,
      indexes: ['recipient'],
    },
  },
  rules: ['SELECT * FROM note WHERE recipient = :sender', 'SELECT * FROM live_inbox WHERE recipient = :sender'],
  reducers: {
    add_player: {
      params: { id: t.u32(), team: t.string(), score: t.i64() },
      run: (tx, _caller, [id, team, score]) => tx.insert('player', id, team, score),
    },
    remove_player: {
      params: { id: t.u32() },
      run: (tx, _caller, [id]) => tx.delete('player', (row) => row[0] === id),
    },
    say: {
      params: { recipient: t.identity(), stream_id: t.string(), seq: t.u64() },
      run: (tx, _caller, [recipient, stream, seq]) => tx.insert('live_inbox', recipient, stream, seq),
    },
    write_note: {
      params: { recipient: t.identity(), text: t.string() },
      run: (tx: Transaction, _caller: CallerInfo, [recipient, text]: readonly unknown[]) =>
        tx.insert('note', recipient as Identity, text),
    },
    refuse: {
      params: {},
      run: () => {
        throw new SenderFailure('not today');
      },
    },
    break: {
      params: {},
      run: () => {
        throw new Error('internals');
      },
    },
    nothing: { params: {}, run: () => undefined },
  },
};
