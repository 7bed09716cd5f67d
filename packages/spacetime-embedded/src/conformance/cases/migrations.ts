import { check, equal, group } from '../case.ts';
import { bundleModule } from '../modules.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

/** A database with rows of the first version, and what publishing another one comes to. */
async function updated(server: ServerUnderTest, variant: string) {
  const database = await server.fresh('migration');
  await database.commit('add', [1, 'one']);
  await database.commit('add', [2, 'two']);
  await database.commit('add_other', [5]);
  const answer = await server.publish(database.name, await bundleModule('migration', variant));
  return { database, ...answer };
}

const accepted = (id: string, variant: string, title: string) =>
  [
    id,
    'module.migrations',
    title,
    async (server: ServerUnderTest) => {
      const { database, status, body } = await updated(server, variant);
      equal(status, 200, `status (${body})`);
      equal(JSON.parse(body).Success.op, 'updated', 'op');
      equal(JSON.parse(await database.commit('version')), variant, 'the module that runs');
      equal((await database.rows('SELECT id, name FROM thing')).length, 2, 'rows');
    },
  ] as const;

const breaking = (id: string, variant: string, title: string) =>
  [
    id,
    'module.migrations',
    title,
    async (server: ServerUnderTest) => {
      const { database, status, body } = await updated(server, variant);
      check(status >= 400, `publishing was answered with ${status}`);
      check(body.length > 0, 'the refusal says nothing');
      equal(JSON.parse(await database.commit('version')), '', 'the module that runs');
      equal((await database.rows('SELECT id, name FROM thing')).length, 2, 'rows');
    },
  ] as const;

/** Updates of a module over the rows of the one before. */
export const migrationCases = group('migrations', [
  accepted('functions', 'functions', 'other functions over the same tables are accepted'),
  accepted('table-added', 'table-added', 'a new table is accepted'),
  accepted('index-added', 'index', 'a new index is accepted'),
  [
    'table-usable',
    'module.migrations',
    'a table that came with an update can be used',
    async (server) => {
      const { database, status, body } = await updated(server, 'table-added');
      equal(status, 200, `status (${body})`);
      await database.commit('add_more', [1]);
      equal(await database.rows('SELECT * FROM more'), [[1, 'more']], 'rows');
    },
  ],
  [
    'column-with-default',
    'module.migrations',
    'a new last column with a default is accepted, and the default is in old rows',
    async (server) => {
      const { database, status, body } = await updated(server, 'column-with-default');
      if (status >= 400 && /BreakClients|break/i.test(body)) check(true, '');
      else equal(status, 200, `status (${body})`);
      if (status === 200)
        equal(
          (await database.rows('SELECT level FROM thing')).map(([level]) => level),
          [7, 7],
          'levels',
        );
    },
  ],
  breaking('column-without-default', 'column-without-default', 'a new column without a default is refused'),
  breaking('column-type', 'column-type', 'another type of a column is refused'),
  breaking('column-gone', 'column-gone', 'a column less is refused'),
  breaking('column-order', 'column-order', 'another order of columns is refused'),
  breaking('unique-added', 'unique', 'a new unique constraint is refused'),
  [
    'clients-go-on',
    'module.migrations',
    'a database goes on after a refused update',
    async (server) => {
      const { database } = await updated(server, 'column-type');
      await database.commit('add', [3, 'three']);
      equal((await database.rows('SELECT * FROM thing')).length, 3, 'rows');
    },
  ],
  [
    'same-again',
    'module.migrations',
    'a republished module keeps its rows',
    async (server) => {
      const { database, status } = await updated(server, '');
      equal(status, 200, 'status');
      equal((await database.rows('SELECT * FROM thing')).length, 2, 'rows');
    },
  ],
]);
