import { t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import type { SeenRows } from '../server-messages.ts';
import { row } from '../test-database.ts';

const word = (text: string, score: number) => row([t.string(), text], [t.u32(), score]);
let count = 0;
const newWord = () => {
  count += 1;
  return `subscription ${count}`;
};
const allRows = (tables: readonly SeenRows[]) => tables.flatMap(({ rows }) => rows).sort();

/** Query sets and what they give. */
export const subscriptionCases = group('subscriptions', [
  [
    'same-text-once',
    'ws.subscriptions',
    'the same text in one set counts once',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      await database.commit('add_bag', [text, 1]);
      const client = await database.connect();
      const query = `SELECT * FROM bag WHERE word = '${text}'`;
      client.send(clientMessage.subscribe(1, 1, query, query));
      equal(allRows((await client.next('SubscribeApplied')).rows), [word(text, 1)], 'rows');
    },
  ],
  [
    'overlap-in-set',
    'ws.subscriptions',
    'two queries of a set that cover a row give it twice, at first and later',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      await database.commit('add_bag', [text, 1]);
      const client = await database.connect();
      client.send(
        clientMessage.subscribe(
          1,
          1,
          `SELECT * FROM bag WHERE word = '${text}'`,
          `SELECT * FROM bag WHERE word = '${text}' AND player_1_score > 0`,
        ),
      );
      equal(allRows((await client.next('SubscribeApplied')).rows), [word(text, 1), word(text, 1)], 'rows');
      await database.commit('remove_bag', [text, 1]);
      const { sets } = await client.next('TransactionUpdate');
      const deletes = sets.flatMap(({ tables }) =>
        tables.flatMap(({ parts }) => parts.flatMap((part) => ('deletes' in part ? part.deletes : []))),
      );
      equal(deletes, [word(text, 1), word(text, 1)], 'deletes');
    },
  ],
  [
    'overlap-of-sets',
    'ws.subscriptions',
    'two sets that cover a row both get the change, in one message',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      const client = await database.connect();
      const query = `SELECT * FROM bag WHERE word = '${text}'`;
      client.send(clientMessage.subscribe(1, 1, query), clientMessage.subscribe(2, 2, query));
      await client.next('SubscribeApplied');
      await client.next('SubscribeApplied');
      await database.commit('add_bag', [text, 1]);
      const { sets } = await client.next('TransactionUpdate');
      equal(sets.map(({ set }) => set).sort(), [1, 2], 'sets');
      client.send(clientMessage.unsubscribe(3, 1, true));
      equal(allRows((await client.next('UnsubscribeApplied')).rows ?? []), [word(text, 1)], 'rows of the first set');
      await database.commit('remove_bag', [text, 1]);
      equal(
        (await client.next('TransactionUpdate')).sets.map(({ set }) => set),
        [2],
        'sets after one is dropped',
      );
    },
  ],
  [
    'set-id-reused',
    'ws.subscriptions',
    'a set id that is in use closes the connection with 1011',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM seat'));
      await client.next('SubscribeApplied');
      client.send(clientMessage.subscribe(2, 1, 'SELECT * FROM seat'));
      equal((await client.ended()).code, 1011, 'code');
    },
  ],
  [
    'set-id-freed',
    'ws.subscriptions',
    'a set id is free after unsubscribing',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(
        clientMessage.subscribe(1, 1, 'SELECT * FROM seat'),
        clientMessage.unsubscribe(2, 1),
        clientMessage.subscribe(3, 1, 'SELECT * FROM seat'),
      );
      await client.next('UnsubscribeApplied');
      equal((await client.next('SubscribeApplied')).request, 1, 'first');
      equal((await client.next('SubscribeApplied')).request, 3, 'second');
    },
  ],
  [
    'everything',
    'sql.subscriptions',
    'SELECT * FROM * gives public tables, not event tables nor private ones',
    async (server) => {
      const database = await server.database('store');
      await database.commit('hide', [1, 'secret']);
      await database.commit('add_bag', [newWord(), 1]);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM *'));
      const tables = (await client.next('SubscribeApplied')).rows.map(({ table }) => table);
      check(tables.includes('bag') && tables.includes('said'), `the tables are ${tables}`);
      check(!tables.includes('hidden'), 'a private table is among them');
    },
  ],
  [
    'no-change-no-update',
    'ws.subscriptions',
    'a transaction that leaves all rows as they were is not told',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      await database.commit('add_bag', [text, 1]);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, `SELECT * FROM bag WHERE word = '${text}'`));
      await client.next('SubscribeApplied');
      await database.commit('add_bag', [text, 1]);
      await database.commit('add_bag', [text, 2]);
      equal(
        (await client.next('TransactionUpdate')).sets[0]?.tables[0]?.parts,
        [{ inserts: [word(text, 2)], deletes: [] }],
        'the first update',
      );
    },
  ],
  [
    'update-is-delete-and-insert',
    'ws.subscriptions',
    'an update is one delete and one insert',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_item_with_id', [7, 'before']);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM item'));
      await client.next('SubscribeApplied');
      await database.commit('update_item', [7, 'after', 1]);
      const part = (await client.next('TransactionUpdate')).sets[0]?.tables[0]?.parts[0];
      check(part !== undefined && 'inserts' in part, 'no such part');
      equal([part.inserts.length, part.deletes.length], [1, 1], 'inserts and deletes');
    },
  ],
  [
    'join',
    'sql.subscriptions',
    'a join of indexed columns gives rows of one side and follows both',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_item_with_id', [7, 'seven']);
      await database.commit('add_pair', [1, 7]);
      await database.commit('add_pair', [2, 8]);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT p.* FROM pair p JOIN item i ON p.item_id = i.id'));
      const pair = (id: number, item: bigint) => row([t.u32(), id], [t.u64(), item]);
      equal(allRows((await client.next('SubscribeApplied')).rows), [pair(1, 7n)], 'rows');
      await database.commit('add_item_with_id', [8, 'eight']);
      equal(
        (await client.next('TransactionUpdate')).sets[0]?.tables,
        [{ table: 'pair', parts: [{ inserts: [pair(2, 8n)], deletes: [] }] }],
        'the other side',
      );
      await database.commit('add_pair', [3, 8]);
      equal(
        (await client.next('TransactionUpdate')).sets[0]?.tables,
        [{ table: 'pair', parts: [{ inserts: [pair(3, 8n)], deletes: [] }] }],
        'the own side',
      );
      await database.commit('remove_items');
      const [part] = (await client.next('TransactionUpdate')).sets[0]?.tables[0]?.parts ?? [];
      equal(
        part && 'deletes' in part ? [...part.deletes].sort() : [],
        [pair(1, 7n), pair(2, 8n), pair(3, 8n)].sort(),
        'deletes',
      );
    },
  ],
  [
    'join-needs-index',
    'sql.subscriptions',
    'a join is refused when the column that is looked up has no index',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT s.* FROM seat s JOIN bag b ON b.player_1_score = s.place'));
      await client.next('SubscriptionError');
      client.send(clientMessage.subscribe(2, 2, 'SELECT b.* FROM bag b JOIN seat s ON b.player_1_score = s.place'));
      await client.next('SubscribeApplied');
      // The table that a constant narrows comes first, and the other one is looked up.
      const swapped = 'SELECT b.* FROM bag b JOIN seat s ON b.player_1_score = s.place WHERE s.place = 1';
      client.send(clientMessage.subscribe(3, 3, swapped));
      equal((await client.next('SubscriptionError')).request, 3, 'request');
    },
  ],
  [
    'join-by-longer-index',
    'sql.subscriptions',
    'an index of several columns serves a join by its last one when the others are fixed',
    async (server) => {
      const client = await (await server.database('store')).connect();
      const query = 'SELECT m.* FROM mark m JOIN item i ON m.rank = i.rank';
      client.send(clientMessage.subscribe(1, 1, query));
      equal((await client.next('SubscriptionError')).request, 1, 'request');
      client.send(clientMessage.subscribe(2, 2, `${query} WHERE m.id > 0 AND i.owner = 'ann'`));
      await client.next('SubscribeApplied');
    },
  ],
  [
    'snapshot-and-updates',
    'ws.subscriptions',
    'between snapshot and updates nothing is missing or double',
    async (server) => {
      const database = await server.fresh('store');
      const writer = await database.connect();
      const reader = await database.connect();
      const total = 60;
      const rows = new Map<string, number>();
      const add = (text: string) => rows.set(text, (rows.get(text) ?? 0) + 1);
      for (let index = 0; index < total; index += 1) {
        writer.send(clientMessage.reducer(index, 'add_bag', Buffer.from(word('race', index), 'hex')));
        if (index === total / 2) reader.send(clientMessage.subscribe(1, 1, "SELECT * FROM bag WHERE word = 'race'"));
      }
      for (let index = 0; index < total; index += 1) await writer.next('ReducerResult');
      allRows((await reader.next('SubscribeApplied')).rows).forEach(add);
      while (rows.size < total) {
        for (const { tables } of (await reader.next('TransactionUpdate')).sets) {
          for (const { parts } of tables) for (const part of parts) if ('inserts' in part) part.inserts.forEach(add);
        }
      }
      equal(
        [...rows.values()].filter((times) => times !== 1),
        [],
        'rows that came more than once',
      );
    },
  ],
]);
