import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal, matches } from '../expectation.ts';
import { bundleModule } from '../modules.ts';
import type { ServerUnderTest } from '../server-under-test.ts';
import type { TestDatabase } from '../test-database.ts';

const limitError = /Estimated cardinality \(\d+ rows\) exceeds limit \(\d+ rows\)/;

/** A database with three rows in `bag` and as many in `item`, and with a limit. */
async function limited(server: ServerUnderTest, limit: number): Promise<TestDatabase> {
  const database = await server.fresh('store');
  for (const [index, word] of ['a', 'b', 'c'].entries()) {
    await database.commit('add_bag', [word, index]);
    await database.commit('add_item', [word, `owner ${word}`, 0, 'tag']);
  }
  await database.rows(`SET row_limit = ${limit}`);
  return database;
}

async function refused(database: TestDatabase, statements: readonly string[], token?: string): Promise<void> {
  for (const statement of statements) {
    const { status, body } = await database.sql(statement, token);
    check(status === 400 && body.length > 0, `${statement} was answered with ${status} ${body}`);
  }
}

/** The id of a table, as the system tables name it. */
async function idOf(database: TestDatabase, table: string): Promise<unknown> {
  const [[id] = []] = await database.rows(`SELECT table_id FROM st_table WHERE table_name = '${table}'`);
  return id;
}

/** System variables and system tables. */
export const systemCases = group('system', [
  [
    'show',
    'sql.variables',
    'SHOW gives the value of a variable that is set, and no row otherwise',
    async (server) => {
      const database = await server.fresh('store');
      equal(await database.rows('SHOW row_limit'), [], 'before');
      const { body } = await database.sql('SET row_limit TO 1e3');
      equal(JSON.parse(body)[0].rows, [], 'the answer to SET');
      equal(await database.rows('SHOW row_limit'), [[[8, 1000]]], 'after');
      equal(await database.rows('SELECT * FROM st_var'), [['row_limit', [8, 1000]]], 'st_var');
    },
  ],
  [
    'set-again',
    'sql.variables',
    'a variable that is set takes no other value until its row is deleted',
    async (server) => {
      const database = await limited(server, 5);
      await database.rows('SET row_limit = 5');
      await refused(database, ['SET row_limit = 6']);
      await database.rows("DELETE FROM st_var WHERE name = 'row_limit'");
      await database.rows('SET row_limit = 6');
      equal(await database.rows('SHOW row_limit'), [[[8, 6]]], 'the value');
    },
  ],
  [
    'set-refused',
    'sql.variables',
    'other variables and other types are refused',
    async (server) => {
      await refused(await server.fresh('store'), [
        'SET slow_query_ms = 5',
        'SET ROW_LIMIT = 5',
        'SHOW search_path',
        'SET row_limit = TRUE',
        "SET row_limit = '5'",
        'SET row_limit = 0x05',
        'SET row_limit = -1',
        'SET row_limit = 1.5',
        'SET row_limit = 18446744073709551616',
        'SET row_limit',
        'SHOW',
      ]);
    },
  ],
  [
    'set-owner',
    'sql.variables',
    'the owner alone sets a variable; everybody may see it',
    async (server) => {
      const database = await limited(server, 5);
      const { token } = await server.caller();
      await refused(database, ['SET row_limit = 5', 'DELETE FROM st_var'], token);
      equal(await database.rows('SHOW row_limit', token), [[[8, 5]]], 'what others see');
    },
  ],
  [
    'limit-http',
    'sql.variables',
    'a limit of rows refuses what would scan more, but not the owner',
    async (server) => {
      const database = await limited(server, 2);
      const { token } = await server.caller();
      matches((await database.sql('SELECT * FROM bag', token)).body, limitError, 'SELECT *');
      await refused(
        database,
        ['SELECT * FROM bag', 'SELECT COUNT(*) AS n FROM bag', 'SELECT word FROM bag LIMIT 1'],
        token,
      );
      equal((await database.rows('SELECT * FROM bag')).length, 3, 'rows of the owner');
      equal((await database.rows("SELECT id FROM item WHERE code = 'b'", token)).length, 1, 'what an index finds');
    },
  ],
  [
    'limit-filter',
    'sql.variables',
    'a filter that no index serves counts the rows that it looks at twice',
    async (server) => {
      const database = await limited(server, 5);
      const { token } = await server.caller();
      equal((await database.rows('SELECT * FROM bag', token)).length, 3, 'without a filter');
      const { status, body } = await database.sql("SELECT * FROM bag WHERE word = 'a'", token);
      equal([status, body.includes('(6 rows)')], [400, true], 'with a filter');
    },
  ],
  [
    'limit-one-off',
    'sql.variables',
    'the limit holds for one-off queries',
    async (server) => {
      const database = await limited(server, 2);
      const client = await database.connect();
      client.send(clientMessage.oneOff(1, 'SELECT * FROM bag'));
      matches(String((await client.next('OneOffQueryResult')).result), limitError, 'the answer');
      client.send(clientMessage.oneOff(2, "SELECT * FROM item WHERE code = 'b'"));
      check(typeof (await client.next('OneOffQueryResult')).result !== 'string', 'what an index finds is refused');
      const owner = await database.connect({ token: database.owner.token });
      owner.send(clientMessage.oneOff(3, 'SELECT * FROM bag'));
      check(typeof (await owner.next('OneOffQueryResult')).result !== 'string', 'the owner is refused');
    },
  ],
  [
    'limit-subscribe',
    'sql.variables',
    'the limit holds for all queries of a subscription together, and leaves its id free',
    async (server) => {
      const database = await limited(server, 5);
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM bag', 'SELECT * FROM item'));
      const { request, set, error } = await client.next('SubscriptionError');
      equal([request, set], [1, 1], 'what is refused');
      matches(error, limitError, 'the error');
      client.send(clientMessage.subscribe(2, 1, 'SELECT * FROM bag'));
      equal((await client.next('SubscribeApplied')).rows[0]?.rows.length, 3, 'rows');
    },
  ],
  [
    'limit-standing',
    'sql.variables',
    'a query that somebody subscribes to already is not counted',
    async (server) => {
      const database = await limited(server, 5);
      const first = await database.connect();
      first.send(clientMessage.subscribe(1, 1, 'SELECT * FROM bag'));
      await first.next('SubscribeApplied');
      for (const word of ['d', 'e', 'f']) await database.commit('add_bag', [word, 1]);
      const second = await database.connect();
      second.send(clientMessage.subscribe(1, 1, 'SELECT * FROM bag'));
      equal((await second.next('SubscribeApplied')).rows[0]?.rows.length, 6, 'rows');
      const third = await database.connect();
      third.send(clientMessage.subscribe(1, 1, 'SELECT * FROM bag WHERE player_1_score >= 0'));
      matches((await third.next('SubscriptionError')).error, limitError, 'another text');
    },
  ],
  [
    'limit-views',
    'sql.variables',
    'of a view the rows that are there for its reader are counted',
    async (server) => {
      const database = await server.fresh('views');
      for (const id of [1, 2, 3]) await database.commit('put', [id, 'red', id]);
      const { token } = await server.caller();
      await database.commit('fill', [7], token);
      await database.rows('SET row_limit = 2');
      equal((await database.rows('SELECT coins FROM my_purse', token)).length, 1, 'a view per sender');
      matches((await database.sql('SELECT * FROM red_players', token)).body, limitError, 'a view for everybody');
      const client = await database.connect({ token });
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM my_purse'));
      await client.next('SubscribeApplied');
      client.send(clientMessage.subscribe(2, 2, 'SELECT * FROM red_players'));
      matches((await client.next('SubscriptionError')).error, limitError, 'a subscription');
    },
  ],
  [
    'limit-update',
    'sql.variables',
    'a variable outlives an update of the module',
    async (server) => {
      const database = await server.fresh('migration');
      await database.rows('SET row_limit = 7');
      const { status, body } = await server.publish(database.name, await bundleModule('migration', 'table-added'));
      check(status === 200, `the update was answered with ${status} ${body}`);
      equal(await database.rows('SHOW row_limit'), [[[8, 7]]], 'the value');
    },
  ],
  [
    'tables-access',
    'sql.system',
    'everybody reads the system tables, but for the credentials of connections',
    async (server) => {
      const database = await server.database('store');
      const { token } = await server.caller();
      const names = await database.rows("SELECT table_name FROM st_table WHERE table_type = 'user'", token);
      check(
        names.some(([name]) => name === 'hidden'),
        `the tables are ${names}`,
      );
      equal((await database.sql('SELECT * FROM st_connection_credentials', token)).status, 400, 'others');
      equal((await database.sql('SELECT * FROM st_connection_credentials')).status, 200, 'the owner');
    },
  ],
  [
    'tables-themselves',
    'sql.system',
    'st_table, st_column, st_index and st_constraint list the system tables too',
    async (server) => {
      const database = await server.database('store');
      const tables = await database.rows(
        'SELECT table_id, table_name, table_access FROM st_table WHERE table_id < 4097',
      );
      const known = new Map(tables.map(([id, ...rest]) => [id, rest]));
      equal(
        [known.get(1), known.get(8)],
        [
          ['st_table', 'public'],
          ['st_var', 'public'],
        ],
        'st_table',
      );
      equal(known.get(11), ['st_connection_credentials', 'private'], 'credentials');
      equal(
        (await database.rows('SELECT col_name FROM st_column WHERE table_id = 7')).map(([name]) => name),
        ['identity', 'connection_id'],
        'st_column',
      );
      equal(
        await database.rows('SELECT index_name FROM st_index WHERE index_id = 8'),
        [['st_var_name_idx_btree']],
        'index',
      );
      equal(
        await database.rows('SELECT constraint_name, constraint_data FROM st_constraint WHERE constraint_id = 7'),
        [['st_client_identity_connection_id_key', [1, [[0, 1]]]]],
        'constraint',
      );
    },
  ],
  [
    'tables-all',
    'sql.system',
    'every system table can be read whole',
    async (server) => {
      const database = await server.database('store');
      const tables = await database.rows("SELECT table_name FROM st_table WHERE table_type = 'system'");
      check(tables.length >= 20, `there are ${tables.length}`);
      for (const [name] of tables) equal((await database.sql(`SELECT * FROM ${name}`)).status, 200, String(name));
    },
  ],
  [
    'tables-columns',
    'sql.system',
    'st_column has the type of each column as BSATN',
    async (server) => {
      const database = await server.database('store');
      const id = await idOf(database, 'item');
      const rows = await database.rows(`SELECT col_pos, col_name, col_type FROM st_column WHERE table_id = ${id}`);
      equal(
        [...rows].sort(([one], [other]) => Number(one) - Number(other)),
        [
          [0, 'id', '0d'],
          [1, 'code', '04'],
          [2, 'owner', '04'],
          [3, 'rank', '0a'],
          [4, 'tag', '04'],
        ],
        'columns',
      );
      equal(
        await database.rows('SELECT col_type FROM st_column WHERE table_id = 1 AND col_pos = 4'),
        [['0102000000000400000073' + '6f6d65' + '0309' + '00040000006e6f6e65' + '0200000000']],
        'an option of a list',
      );
    },
  ],
  [
    'tables-constraints',
    'sql.system',
    'st_constraint and st_sequence say what a table promises',
    async (server) => {
      const database = await server.database('store');
      const id = await idOf(database, 'item');
      const unique = await database.rows(`SELECT constraint_name FROM st_constraint WHERE table_id = ${id}`);
      equal(unique.map(([name]) => name).sort(), ['item_code_key', 'item_id_key'], 'constraints');
      equal(
        await database.rows(
          `SELECT sequence_name, col_pos, increment, start, min_value FROM st_sequence WHERE table_id = ${id}`,
        ),
        [['item_id_seq', 0, 1, 1, 1]],
        'sequence',
      );
    },
  ],
  [
    'tables-accessors',
    'sql.system',
    'the accessor tables name what the source of the module calls otherwise',
    async (server) => {
      const database = await server.database('store');
      equal(
        await database.rows("SELECT accessor_name FROM st_column_accessor WHERE col_name = 'player_1_score'"),
        [['player1Score']],
        'column',
      );
      equal(await database.rows("SELECT * FROM st_table_accessor WHERE table_name = 'bag'"), [['bag', 'bag']], 'table');
      const [[name] = []] = await database.rows(
        "SELECT accessor_name FROM st_index_accessor WHERE index_name = 'item_owner_rank_idx_btree'",
      );
      equal(typeof name, 'string', 'index');
    },
  ],
  [
    'tables-module',
    'sql.system',
    'st_module has the module, and st_client who is connected, as numbers',
    async (server) => {
      const database = await server.database('store');
      equal(
        await database.rows('SELECT database_identity, owner_identity, program_kind FROM st_module'),
        [[`0x${database.identity}`, `0x${database.owner.identity}`, 1]],
        'st_module',
      );
      const client = await database.connect();
      client.send(clientMessage.oneOff(1, 'SELECT * FROM st_client'));
      const { result } = await client.next('OneOffQueryResult');
      check(typeof result !== 'string', `the one-off query was answered with ${result}`);
      check(
        (result[0]?.rows ?? []).some((row) => row.length === 96),
        `the clients are ${result[0]?.rows}`,
      );
    },
  ],
  [
    'tables-views',
    'sql.system',
    'st_view and st_view_column list the views',
    async (server) => {
      const database = await server.database('views');
      const views = await database.rows('SELECT view_id, view_name, table_id, is_anonymous FROM st_view');
      check(views.length > 0, 'no view is listed');
      for (const [view, name, [, table] = []] of views as [number, string, [number, number]][]) {
        equal(await idOf(database, name), table, `the table of ${name}`);
        const columns = await database.rows(`SELECT col_name FROM st_view_column WHERE view_id = ${view}`);
        const stored = await database.rows(`SELECT col_name FROM st_column WHERE table_id = ${table}`);
        equal(stored, [['arg_hash'], ...columns], `the columns of ${name}`);
      }
    },
  ],
  [
    'tables-schedules',
    'sql.system',
    'st_scheduled names the function of each schedule table',
    async (server) => {
      const database = await server.database('schedules');
      const rows = await database.rows(
        'SELECT t.table_name, s.schedule_name FROM st_scheduled s JOIN st_table t ON s.table_id = t.table_id',
      );
      check(rows.length > 0, 'no schedule is listed');
      for (const [table, name] of rows) equal(name, `${table}_sched`, 'the name');
    },
  ],
]);
