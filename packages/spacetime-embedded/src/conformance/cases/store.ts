import { group } from '../case.ts';
import { check, equal } from '../expectation.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

let count = 0;

/** Lets the module do something and gives what it noted. */
async function probe(
  server: ServerUnderTest,
  what: string,
  key = newKey(),
  token?: string,
): Promise<readonly string[]> {
  const database = await server.database('store');
  await database.commit('probe', [what, key], token);
  const rows = await database.rows(`SELECT id, text FROM said WHERE key = '${key}'`);
  return [...rows].sort(([a], [b]) => Number(a) - Number(b)).map(([, text]) => String(text));
}

function newKey(): string {
  count += 1;
  return `key${count}:`;
}

/** Rows, indexes and sequences, as a module sees them. */
export const storeCases = group('store', [
  [
    'set',
    'store.rows',
    'a row that is there already is not there twice',
    async (server) => {
      equal(await probe(server, 'twice-the-same'), ['1'], 'rows of it');
    },
  ],
  [
    'set-without-error',
    'store.rows',
    'inserting the same row again is no error, even with a primary key',
    async (server) => {
      const database = await server.database('store');
      await database.commit('add_pair', [900, 1]);
      equal((await database.call('add_pair', [900, 1])).status, 200, 'the same row');
      equal((await database.call('add_pair', [900, 2])).status, 530, 'another row under the key');
    },
  ],
  [
    'unique-caught',
    'store.rows',
    'a unique violation is an error of the module, and what it caught is undone',
    async (server) => {
      const [text = ''] = await probe(server, 'unique-caught');
      equal(text, 'UniqueAlreadyExists true', 'name, and whether it is an Error');
    },
  ],
  [
    'key-freed',
    'store.rows',
    'a key is free once its row is deleted, in the same transaction',
    async (server) => {
      equal(await probe(server, 'key-freed'), ['2'], 'rank of the new row');
    },
  ],
  [
    'update-missing',
    'store.rows',
    'updating a row that is not there is NoSuchRow',
    async (server) => {
      equal(await probe(server, 'update-missing'), ['NoSuchRow'], 'name of the error');
    },
  ],
  [
    'rollback',
    'store.rows',
    'a reducer that throws leaves no row',
    async (server) => {
      const database = await server.database('store');
      for (const how of ['sender', 'crash']) {
        equal((await database.call('leaves_and_fails', [how])).status, 530, 'status');
        equal(await database.rows(`SELECT * FROM bag WHERE word = 'left by ${how}'`), [], 'rows');
        equal(await database.rows(`SELECT * FROM item WHERE code = 'left by ${how}'`), [], 'rows');
      }
    },
  ],
  [
    'prefix',
    'store.indexes',
    'an index over two columns is read by the first, in the order of the second',
    async (server) => {
      equal(await probe(server, 'prefix'), ['b,a,c'], 'codes');
    },
  ],
  [
    'range',
    'store.indexes',
    'an index over two columns is read by a range of the second',
    async (server) => {
      equal(await probe(server, 'range'), ['1,3,4', '4,5'], 'codes');
    },
  ],
  [
    'point',
    'store.indexes',
    'an index over two columns is read by both',
    async (server) => {
      equal(await probe(server, 'point'), ['5'], 'codes');
    },
  ],
  [
    'own-rows-first',
    'store.indexes',
    'an index scan gives the rows of its own transaction first',
    async (server) => {
      const key = newKey();
      await probe(server, 'own-rows-first-1', key);
      equal(await probe(server, 'own-rows-first-2', key), ['2,4,1,3'], 'codes');
    },
  ],
  [
    'hash',
    'store.indexes',
    'a hash index is read by its value',
    async (server) => {
      equal(await probe(server, 'hash'), ['a'], 'codes');
    },
  ],
  [
    'direct',
    'store.indexes',
    'a direct index is read by its value',
    async (server) => {
      const database = await server.database('store');
      await database.commit('sit', [7, 'seven']);
      equal(await probe(server, 'direct'), ['seven undefined'], 'guests');
    },
  ],
  [
    'delete-range',
    'store.indexes',
    'deleting by a range gives the number of rows',
    async (server) => {
      equal(await probe(server, 'delete-range'), ['2'], 'number');
    },
  ],
  [
    'float-order',
    'store.indexes',
    'an index of floats orders them from -Infinity to Infinity',
    async (server) => {
      const database = await server.database('types');
      for (const [id, value] of [
        [1, 2.5],
        [2, -1e300],
        [3, 0],
        [4, 1e-300],
        [5, -0.5],
      ])
        await database.commit('put_float', [id, value]);
      equal(JSON.parse(await database.commit('float_order')), [2, 5, 3, 4, 1], 'ids');
    },
  ],
  [
    'sequence',
    'store.sequences',
    'a sequence begins at 1, and an explicit value is kept',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_item', ['a', '', 0, '']);
      await database.commit('add_item_with_id', [77, 'b']);
      await database.commit('add_item', ['c', '', 0, '']);
      const ids = Object.fromEntries(
        (await database.rows('SELECT code, id FROM item')).map(([code, id]) => [String(code), Number(id)]),
      );
      equal([ids.a, ids.b, ids.c], [1, 77, 2], 'ids');
    },
  ],
  [
    'sequence-not-advanced',
    'store.sequences',
    'an explicit value does not advance the sequence',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_item_with_id', [1, 'taken']);
      equal((await database.call('add_item', ['collides', '', 0, ''])).status, 530, 'the collision');
      equal((await database.call('add_item', ['next', '', 0, ''])).status, 200, 'the next one');
    },
  ],
  [
    'sequence-rollback',
    'store.sequences',
    'a rollback does not give values back',
    async (server) => {
      const database = await server.fresh('store');
      await database.call('leaves_and_fails', ['sender']);
      await database.commit('add_item', ['a', '', 0, '']);
      equal(await database.rows('SELECT id FROM item'), [[2]], 'ids');
    },
  ],
  [
    'sequence-narrow',
    'store.sequences',
    'a sequence over a u8 wraps by truncation and collides with what is there',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('fill_small', [255, 'x']);
      equal((await database.rows('SELECT COUNT(*) AS n FROM small'))[0], [255], 'rows');
      // The next value is 256, which is 0 in a u8; the one after it is 1, which is taken.
      equal((await database.call('fill_small', [1, 'x'])).status, 200, '256');
      equal((await database.call('fill_small', [1, 'y'])).status, 530, '257');
    },
  ],
  [
    'long-row',
    'module.abi',
    'a row longer than any buffer is read',
    async (server) => {
      const key = newKey();
      equal(await probe(server, 'long', key), [String(200_000 + key.length)], 'length');
    },
  ],
  [
    'globals',
    'module.abi',
    'there are no timers, no network, no process and no Math.random',
    async (server) => {
      equal(await probe(server, 'globals'), ['false,false,false,false,false undefined é'], 'globals');
    },
  ],
  [
    'context',
    'module.abi',
    'the context has sender, connection, database identity and token',
    async (server) => {
      const { identity, token } = await server.caller();
      const database = await server.database('store');
      equal(
        await probe(server, 'context', newKey(), token),
        [`${identity} false ${database.identity} true`],
        'context',
      );
    },
  ],
  [
    'time',
    'module.reducers',
    'the timestamp stands still during a call',
    async (server) => {
      equal(await probe(server, 'time'), ['true'], 'timestamps are the same');
    },
  ],
  [
    'globals-after-trap',
    'module.abi',
    'a trap may lose globals, never rows',
    async (server) => {
      const database = await server.database('store');
      const [before = ''] = await probe(server, 'remember');
      await database.call('crash', ['x']);
      const [after = ''] = await probe(server, 'remember');
      check(after === '1' || Number(after) === Number(before) + 1, `it remembered ${before}, then ${after}`);
    },
  ],
  [
    'init',
    'module.lifecycle',
    'init has run once, as the publisher, without a connection',
    async (server) => {
      const database = await server.database('store');
      equal(
        await database.rows("SELECT text FROM said WHERE key = 'init'"),
        [[`${server.owner.identity} true`]],
        'what it noted',
      );
    },
  ],
]);
