import { t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import type { SeenUpdate } from '../server-messages.ts';
import { row } from '../test-database.ts';

const player = (id: number, team: string, score: bigint) => row([t.u32(), id], [t.string(), team], [t.i64(), score]);
const part = (sets: readonly SeenUpdate[], table: string) =>
  sets.flatMap(({ tables }) => tables.filter((update) => update.table === table).flatMap(({ parts }) => parts))[0];

/** Views. */
export const viewCases = group('views', [
  [
    'anonymous',
    'module.views',
    'a view for everybody is read and followed like a table',
    async (server) => {
      const database = await server.fresh('views');
      await database.commit('put', [1, 'red', 10]);
      await database.commit('put', [2, 'green', 20]);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM red_players'));
      equal(
        (await client.next('SubscribeApplied')).rows,
        [{ table: 'red_players', rows: [player(1, 'red', 10n)] }],
        'rows',
      );
      await database.commit('put', [3, 'red', 30]);
      equal(
        part((await client.next('TransactionUpdate')).sets, 'red_players'),
        { inserts: [player(3, 'red', 30n)], deletes: [] },
        'an insert',
      );
      await database.commit('put', [1, 'green', 10]);
      equal(
        part((await client.next('TransactionUpdate')).sets, 'red_players'),
        { inserts: [], deletes: [player(1, 'red', 10n)] },
        'a delete',
      );
    },
  ],
  [
    'everything',
    'sql.subscriptions',
    'SELECT * FROM * has the views too, each for its reader, and follows them',
    async (server) => {
      const database = await server.fresh('views');
      await database.commit('put', [1, 'red', 10]);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM *'));
      const { rows } = await client.next('SubscribeApplied');
      equal(
        new Map(rows.map(({ table, rows: found }) => [table, found])),
        new Map([
          ['player', [player(1, 'red', 10n)]],
          ['red_players', [player(1, 'red', 10n)]],
        ]),
        'rows',
      );
      await database.commit('put', [2, 'blue', 20]);
      equal(
        part((await client.next('TransactionUpdate')).sets, 'blue_players'),
        { inserts: [player(2, 'blue', 20n)], deletes: [] },
        'an insert',
      );
    },
  ],
  [
    'unchanged',
    'module.views',
    'a change that leaves the view as it was is not told',
    async (server) => {
      const database = await server.fresh('views');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM red_players'));
      await client.next('SubscribeApplied');
      await database.commit('put', [1, 'green', 1]);
      await database.commit('put', [2, 'red', 2]);
      equal(
        part((await client.next('TransactionUpdate')).sets, 'red_players'),
        { inserts: [player(2, 'red', 2n)], deletes: [] },
        'the first update',
      );
    },
  ],
  [
    'per-sender',
    'module.views',
    'a view per sender gives each its own row, of a private table',
    async (server) => {
      const database = await server.fresh('views');
      const [one, other] = [await server.caller(), await server.caller()];
      await database.commit('fill', [5], one.token);
      await database.commit('fill', [9], other.token);
      equal(await database.rows('SELECT coins FROM my_purse', one.token), [[5]], 'SQL of one');
      equal(await database.rows('SELECT coins FROM my_purse', other.token), [[9]], 'SQL of the other');
      equal((await database.sql('SELECT * FROM purse', one.token)).status, 400, 'the private table');
      const client = await database.connect({ token: one.token });
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM my_purse'));
      equal(
        (await client.next('SubscribeApplied')).rows.map(({ rows }) => rows.length),
        [1],
        'rows',
      );
      await database.commit('fill', [10], other.token);
      await database.commit('fill', [6], one.token);
      const found = part((await client.next('TransactionUpdate')).sets, 'my_purse');
      check(found !== undefined && 'inserts' in found, 'no such part');
      equal(
        found.inserts.map((hex) => hex.slice(-8)),
        ['06000000'],
        'coins of the first update',
      );
    },
  ],
  [
    'option-none',
    'module.views',
    'a view of an optional row is empty when there is none',
    async (server) => {
      const database = await server.database('views');
      const { token } = await server.caller();
      equal(await database.rows('SELECT * FROM my_purse', token), [], 'rows');
    },
  ],
  [
    'condition',
    'module.views',
    'a condition chooses among the rows of a view',
    async (server) => {
      const database = await server.fresh('views');
      await database.commit('put', [1, 'red', 10]);
      await database.commit('put', [2, 'red', 20]);
      equal(await database.rows('SELECT id FROM red_players WHERE score > 15'), [[2]], 'rows');
    },
  ],
  [
    'query',
    'module.views',
    'a view that returns a query gives the rows of it, and follows them',
    async (server) => {
      const database = await server.fresh('views');
      await database.commit('put', [1, 'blue', 10]);
      await database.commit('put', [2, 'red', 20]);
      equal(await database.rows('SELECT id FROM blue_players'), [[1]], 'SQL');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM blue_players'));
      equal(
        (await client.next('SubscribeApplied')).rows,
        [{ table: 'blue_players', rows: [player(1, 'blue', 10n)] }],
        'rows',
      );
      await database.commit('put', [3, 'blue', 30]);
      equal(
        part((await client.next('TransactionUpdate')).sets, 'blue_players'),
        { inserts: [player(3, 'blue', 30n)], deletes: [] },
        'an insert',
      );
    },
  ],
  [
    'selective',
    'module.views',
    'a view shows of a private table what it chooses to',
    async (server) => {
      const database = await server.fresh('views');
      const { token } = await server.caller();
      await database.commit('fill', [5]);
      equal(await database.rows('SELECT * FROM secret_count', token), [[5]], 'rows');
    },
  ],
  [
    'throws',
    'module.views',
    'a view that throws fails the reducer whose change made it run',
    async (server) => {
      const database = await server.fresh('views');
      const { token } = await server.caller();
      await database.commit('fill', [5], token);
      const client = await database.connect({ token });
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM my_purse'));
      await client.next('SubscribeApplied');
      equal((await database.call('fill', [666], token)).status, 530, 'status');
      equal(await database.rows('SELECT coins FROM my_purse', token), [[5]], 'rows');
    },
  ],
  [
    'released',
    'module.views',
    'a view that nobody reads any more does not fail a reducer',
    async (server) => {
      const database = await server.fresh('views');
      const { token } = await server.caller();
      equal((await database.call('fill', [666], token)).status, 200, 'status');
    },
  ],
]);
