import { group } from '../case.ts';
import { check, equal, matches } from '../expectation.ts';
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

const prePublish = (server: ServerUnderTest, path: string, module: string) =>
  server.request('POST', `${path}/pre_publish?host_type=Js`, { token: server.owner.token, body: module });

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
    'a new last column with a default breaks clients: it needs the token of pre_publish, and old rows get the default',
    async (server) => {
      const { database, status } = await updated(server, 'column-with-default');
      equal(status, 400, 'status with the policy Compatible');
      const module = await bundleModule('migration', 'column-with-default');
      const plan = JSON.parse((await prePublish(server, database.path, module)).body).AutoMigrate;
      equal(plan.break_clients, true, 'break_clients');
      const wrong = await server.publish(database.name, module, `&policy=BreakClients&token=${'0'.repeat(64)}`);
      check(wrong.status >= 400, 'a wrong token was taken');
      const answer = await server.publish(database.name, module, `&policy=BreakClients&token=${plan.token}`);
      equal(answer.status, 200, `status with the token (${answer.body})`);
      equal(
        (await database.rows('SELECT level FROM thing')).map(([level]) => level),
        [7, 7],
        'levels',
      );
    },
  ],
  [
    'pre-publish-refused',
    'module.migrations',
    'pre_publish says why an update cannot be done',
    async (server) => {
      const { path } = await server.fresh('migration');
      const { body } = await prePublish(server, path, await bundleModule('migration', 'column-type'));
      matches(JSON.parse(body).ManualMigrate?.reason ?? body, /name/, 'the reason');
    },
  ],
  [
    'table-gone',
    'module.migrations',
    'a table is removed when it is empty, and not when it has rows',
    async (server) => {
      const module = await bundleModule('migration', 'table-gone');
      const update = async (path: string, name: string) => {
        const { token } = JSON.parse((await prePublish(server, path, module)).body).AutoMigrate;
        return (await server.publish(name, module, `&policy=BreakClients&token=${token}`)).status;
      };
      const empty = await server.fresh('migration');
      equal(await update(empty.path, empty.name), 200, 'an empty one');
      equal((await empty.sql('SELECT * FROM other')).status, 400, 'SQL on it');
      const full = await server.fresh('migration');
      await full.commit('add_other', [5]);
      check((await update(full.path, full.name)) >= 400, 'one with rows was removed');
      equal(await full.rows('SELECT * FROM other'), [[5]], 'its rows');
    },
  ],
  [
    'unique-violated',
    'module.migrations',
    'a unique constraint that rows violate is refused',
    async (server) => {
      const database = await server.fresh('migration');
      await database.commit('add', [1, 'same']);
      await database.commit('add', [2, 'same']);
      const { status } = await server.publish(database.name, await bundleModule('migration', 'unique'));
      check(status >= 400, `publishing was answered with ${status}`);
      equal((await database.rows('SELECT * FROM thing')).length, 2, 'rows');
    },
  ],
  accepted('unique-added', 'unique', 'a unique constraint that all rows keep is accepted'),
  accepted('made-private', 'private', 'a table is made private'),
  breaking('column-without-default', 'column-without-default', 'a new column without a default is refused'),
  breaking('column-type', 'column-type', 'another type of a column is refused'),
  breaking('column-gone', 'column-gone', 'a column less is refused'),
  breaking('column-order', 'column-order', 'another order of columns is refused'),
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
