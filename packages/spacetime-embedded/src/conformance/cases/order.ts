import { t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import { encoded } from '../test-database.ts';

/** Order, own changes and confirmed reads. */
export const orderCases = group('order', [
  [
    'replies',
    'ws.order',
    'requests are answered in the order in which they were sent, failures too',
    async (server) => {
      const client = await (await server.database('store')).connect();
      const calls = Array.from({ length: 60 }, (_, index) =>
        index % 3 === 0
          ? clientMessage.reducer(index, 'crash', encoded([t.string(), 'x']))
          : index % 3 === 1
            ? clientMessage.reducer(index, 'add_bag', encoded([t.string(), 'order'], [t.u32(), index]))
            : clientMessage.reducer(index, 'no_such_reducer'),
      );
      for (const call of calls) client.send(call);
      for (let index = 0; index < calls.length; index += 1)
        equal((await client.next('ReducerResult')).request, index, 'request');
    },
  ],
  [
    'own-before-others',
    'ws.order',
    'own and foreign commits come in the order of the commits',
    async (server) => {
      const database = await server.fresh('store');
      const [one, other] = [await database.connect(), await database.connect()];
      for (const client of [one, other]) {
        client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM pair'));
        await client.next('SubscribeApplied');
      }
      const total = 40;
      for (let index = 0; index < total; index += 1) {
        (index % 2 === 0 ? one : other).send(
          clientMessage.reducer(index, 'add_pair', encoded([t.u32(), index], [t.u64(), 1n])),
        );
      }
      const orderOf = async (client: typeof one) => {
        const rows: string[] = [];
        while (rows.length < total) {
          const message = await client.any();
          const sets =
            message.type === 'TransactionUpdate'
              ? message.sets
              : message.type === 'ReducerResult' && 'ok' in message.result
                ? message.result.ok
                : [];
          for (const { tables } of sets)
            for (const { parts } of tables) for (const part of parts) if ('inserts' in part) rows.push(...part.inserts);
        }
        return rows;
      };
      equal(await orderOf(one), await orderOf(other), 'the order that the other client saw');
    },
  ],
  [
    'snapshot-after-own-call',
    'ws.order',
    'a subscription after a call in one payload sees what it did',
    async (server) => {
      const database = await server.fresh('store');
      const client = await database.connect();
      client.send(
        clientMessage.reducer(1, 'add_pair', encoded([t.u32(), 1], [t.u64(), 1n])),
        clientMessage.subscribe(2, 1, 'SELECT * FROM pair'),
      );
      equal((await client.next('ReducerResult')).result, { ok: [] }, 'the result of the call');
      equal((await client.next('SubscribeApplied')).rows.length, 1, 'tables with rows');
    },
  ],
  [
    'confirmed',
    'ws.order',
    'confirmed and unconfirmed clients both get every commit',
    async (server) => {
      const database = await server.fresh('store');
      const clients = [
        await database.connect({ query: 'compression=None&confirmed=true' }),
        await database.connect({ query: 'compression=None&confirmed=false' }),
      ];
      for (const client of clients) {
        client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM pair'));
        await client.next('SubscribeApplied');
      }
      await database.commit('add_pair', [1, 1]);
      for (const client of clients) equal((await client.next('TransactionUpdate')).sets.length, 1, 'sets');
    },
  ],
  [
    'one-transaction-one-message',
    'ws.order',
    'a transaction of many rows is one message',
    async (server) => {
      const database = await server.fresh('store');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM bag'));
      await client.next('SubscribeApplied');
      await database.commit('add_many_bags', [500, 'x']);
      const part = (await client.next('TransactionUpdate')).sets[0]?.tables[0]?.parts[0];
      check(part !== undefined && 'inserts' in part, 'no such part');
      equal(part.inserts.length, 500, 'inserts');
    },
  ],
]);
