import { group } from '../case.ts';
import { check, equal } from '../expectation.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

async function filled(server: ServerUnderTest) {
  const database = await server.database('store');
  if ((await database.rows("SELECT * FROM bag WHERE word = 'sql a'")).length === 0) {
    await database.commit('add_bag', ['sql a', 1]);
    await database.commit('add_bag', ['sql b', 2]);
    await database.commit('add_bag', ['sql c', 3]);
  }
  return database;
}
const mine = "(word = 'sql a' OR word = 'sql b' OR word = 'sql c')";
const wordsWhere = async (server: ServerUnderTest, condition: string) =>
  (await (await filled(server)).rows(`SELECT word FROM bag WHERE ${mine} AND ${condition}`))
    .map(([word]) => String(word).at(-1))
    .sort()
    .join('');

const refused = (id: string, title: string, ...statements: readonly string[]) =>
  [
    id,
    'sql.http',
    title,
    async (server: ServerUnderTest) => {
      const database = await filled(server);
      for (const statement of statements) {
        const { status, body } = await database.sql(statement);
        check(status === 400, `${statement} was answered with ${status}`);
        check(body.length > 0, `the refusal of ${statement} says nothing`);
      }
    },
  ] as const;

/** SQL over HTTP: the grammar, literals, errors, changes. */
export const sqlCases = group('sql', [
  [
    'star',
    'sql.http',
    'SELECT * gives every column in order',
    async (server) => {
      equal(await (await filled(server)).rows("SELECT * FROM bag WHERE word = 'sql a'"), [['sql a', 1]], 'rows');
    },
  ],
  [
    'qualified-star',
    'sql.http',
    'SELECT t.* and aliases',
    async (server) => {
      const database = await filled(server);
      equal(await database.rows("SELECT b.* FROM bag AS b WHERE b.word = 'sql a'"), [['sql a', 1]], 'with AS');
      equal(await database.rows("SELECT b.* FROM bag b WHERE b.word = 'sql a'"), [['sql a', 1]], 'without AS');
    },
  ],
  [
    'columns',
    'sql.http',
    'columns, also under other names',
    async (server) => {
      const database = await filled(server);
      const { body } = await database.sql("SELECT player_1_score AS points, word FROM bag WHERE word = 'sql b'");
      const [answer] = JSON.parse(body);
      equal(answer.rows, [[2, 'sql b']], 'rows');
      equal(
        answer.schema.elements.map((element: { name: object }) => element.name),
        [{ some: 'points' }, { some: 'word' }],
        'names',
      );
    },
  ],
  [
    'count',
    'sql.http',
    'COUNT(*) with a name',
    async (server) => {
      equal(await (await filled(server)).rows(`SELECT COUNT(*) AS n FROM bag WHERE ${mine}`), [[3]], 'rows');
    },
  ],
  [
    'limit',
    'sql.http',
    'LIMIT',
    async (server) => {
      const database = await filled(server);
      equal((await database.rows(`SELECT * FROM bag WHERE ${mine} LIMIT 2`)).length, 2, 'LIMIT 2');
      equal((await database.rows(`SELECT * FROM bag WHERE ${mine} LIMIT 0`)).length, 0, 'LIMIT 0');
    },
  ],
  [
    'comparisons',
    'sql.http',
    '= <> != < > <= >=',
    async (server) => {
      const score = (condition: string) => wordsWhere(server, `player_1_score ${condition}`);
      equal(
        [
          await score('= 2'),
          await score('<> 2'),
          await score('!= 2'),
          await score('< 2'),
          await score('> 2'),
          await score('<= 2'),
          await score('>= 2'),
        ],
        ['b', 'ac', 'ac', 'a', 'c', 'ab', 'bc'],
        'words',
      );
    },
  ],
  [
    'and-or',
    'sql.http',
    'AND binds closer than OR, and parentheses closer than both',
    async (server) => {
      equal(
        await wordsWhere(server, "(word = 'sql a' OR word = 'sql b' AND player_1_score = 3)"),
        'a',
        'without parentheses',
      );
      equal(await wordsWhere(server, "(word = 'sql a' OR word = 'sql b') AND player_1_score = 3"), '', 'with them');
    },
  ],
  [
    'literal-left',
    'sql.http',
    'a literal may stand on the left',
    async (server) => {
      equal(await wordsWhere(server, '2 < player_1_score'), 'c', 'words');
    },
  ],
  [
    'keyword-case',
    'sql.http',
    'keywords in any case, names in their own',
    async (server) => {
      const database = await filled(server);
      equal((await database.rows("select * from bag where word = 'sql a'")).length, 1, 'keywords');
      equal((await database.sql('SELECT * FROM BAG')).status, 400, 'BAG');
    },
  ],
  [
    'quoted',
    'sql.http',
    'names in double quotes',
    async (server) => {
      equal(await (await filled(server)).rows(`SELECT "word" FROM "bag" WHERE "word" = 'sql a'`), [['sql a']], 'rows');
    },
  ],
  [
    'accessor-names',
    'module.names',
    'tables and columns by canonical name and by the name in the source',
    async (server) => {
      const database = await filled(server);
      equal(await database.rows("SELECT player_1_score FROM bag WHERE word = 'sql a'"), [[1]], 'canonical');
      equal(await database.rows("SELECT player1Score FROM bag WHERE word = 'sql a'"), [[1]], 'of the source');
    },
  ],
  [
    'join',
    'sql.http',
    'a join with columns of both sides',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_item_with_id', [7, 'seven']);
      await database.commit('add_pair', [1, 7]);
      await database.commit('add_pair', [2, 8]);
      equal(
        await database.rows('SELECT p.id, i.code FROM pair p JOIN item i ON p.item_id = i.id'),
        [[1, 'seven']],
        'rows',
      );
      equal(
        await database.rows(
          "SELECT p.id FROM pair AS p INNER JOIN item AS i ON i.id = p.item_id WHERE i.code = 'seven'",
        ),
        [[1]],
        'INNER',
      );
    },
  ],
  [
    'three-tables',
    'sql.http',
    'a join of three tables',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_item_with_id', [7, 'seven']);
      await database.commit('add_pair', [1, 7]);
      await database.commit('sit', [1, 'guest']);
      equal(
        await database.rows(
          'SELECT s.guest, i.code FROM pair p JOIN item i ON p.item_id = i.id JOIN seat s ON s.place = p.id',
        ),
        [['guest', 'seven']],
        'rows',
      );
    },
  ],
  [
    'cross-join',
    'sql.http',
    'a cross join',
    async (server) => {
      const database = await server.fresh('store');
      for (const id of [1, 2]) await database.commit('add_pair', [id, 7]);
      for (const place of [1, 2, 3]) await database.commit('sit', [place, 'guest']);
      equal(await database.rows('SELECT COUNT(*) AS n FROM pair p JOIN seat s'), [[6]], 'rows');
    },
  ],
  [
    'sender',
    'sql.http',
    ':sender is the caller',
    async (server) => {
      const database = await server.database('lifecycle');
      const { identity, token } = await server.caller();
      await database.commit('refuse_from', [[`0x${identity}`], 'not at all']);
      equal(await database.rows('SELECT how FROM refused WHERE identity = :sender'), [], 'the owner');
      const other = await server.database('events');
      await other.commit('write', [1000, [`0x${identity}`], 'mine']);
      equal(await other.rows('SELECT text FROM note WHERE recipient = :sender', token), [['mine']], 'the caller');
    },
  ],
  [
    'answer-form',
    'sql.http',
    'an answer has schema, rows, duration and statistics',
    async (server) => {
      const { body } = await (await filled(server)).sql('SELECT * FROM seat LIMIT 1');
      const answers = JSON.parse(body);
      equal(answers.length, 1, 'answers');
      equal(Object.keys(answers[0]).sort(), ['rows', 'schema', 'stats', 'total_duration_micros'], 'members');
      equal(answers[0].stats, { rows_inserted: 0, rows_deleted: 0, rows_updated: 0 }, 'stats');
    },
  ],
  refused(
    'refused-clauses',
    'ORDER BY, GROUP BY, OFFSET, DISTINCT, HAVING and UNION are refused',
    'SELECT * FROM bag ORDER BY word',
    'SELECT word FROM bag GROUP BY word',
    'SELECT * FROM bag LIMIT 1 OFFSET 1',
    'SELECT DISTINCT word FROM bag',
    'SELECT word FROM bag UNION SELECT word FROM bag',
  ),
  refused(
    'refused-conditions',
    'NOT, IN, LIKE, BETWEEN, IS NULL, functions and subqueries are refused',
    "SELECT * FROM bag WHERE NOT word = 'x'",
    "SELECT * FROM bag WHERE word IN ('x')",
    "SELECT * FROM bag WHERE word LIKE 'x%'",
    'SELECT * FROM bag WHERE player_1_score BETWEEN 1 AND 2',
    'SELECT * FROM bag WHERE word IS NULL',
    "SELECT * FROM bag WHERE lower(word) = 'x'",
    'SELECT * FROM bag WHERE word = (SELECT word FROM bag)',
  ),
  refused(
    'refused-aggregates',
    'SUM, and COUNT without a name, are refused',
    'SELECT SUM(player_1_score) AS s FROM bag',
    'SELECT COUNT(*) FROM bag',
  ),
  refused('refused-joins', 'outer joins are refused', 'SELECT p.* FROM pair p LEFT JOIN item i ON p.item_id = i.id'),
  refused('several-statements', 'one statement only', 'SELECT * FROM bag; SELECT * FROM bag'),
  refused(
    'syntax',
    'what is no SQL is refused',
    '',
    'SELECT',
    'SELECT * FROM',
    'SELECT * FROM bag WHERE',
    "SELECT * FROM bag WHERE word = 'x",
  ),
  refused(
    'unknown-names',
    'unknown tables and columns are refused',
    'SELECT * FROM no_such_table',
    'SELECT nope FROM bag',
    'SELECT * FROM bag WHERE nope = 1',
    'SELECT x.word FROM bag b',
  ),
  refused(
    'types',
    'literals of another type or out of range are refused',
    "SELECT * FROM bag WHERE player_1_score = 'x'",
    'SELECT * FROM bag WHERE player_1_score = -1',
    'SELECT * FROM bag WHERE player_1_score = 4294967296',
    'SELECT * FROM bag WHERE player_1_score = TRUE',
  ),
  refused(
    'ambiguous-answers',
    'SELECT * over a join, and two columns of one name, are refused',
    'SELECT * FROM bag b JOIN mark m ON b.player_1_score = m.id',
    'SELECT * FROM bag JOIN mark',
    'SELECT word, word FROM bag',
    'SELECT word AS a, player_1_score AS a FROM bag',
  ),
  [
    'spellings',
    'sql.http',
    'AS may be left out, and a join without a condition is a CROSS JOIN too',
    async (server) => {
      const database = await filled(server);
      const { body } = await database.sql("SELECT word w FROM bag b WHERE b.word = 'sql a'");
      const [answer] = JSON.parse(body);
      equal([answer.schema.elements[0].name, answer.rows], [{ some: 'w' }, [['sql a']]], 'an alias');
      const count = async (join: string) => await database.rows(`SELECT COUNT(*) AS n FROM bag a ${join} bag b`);
      equal(await count('CROSS JOIN'), await count('JOIN'), 'a cross join');
    },
  ],
  refused(
    'unqualified-in-joins',
    'columns of a join without their table are refused',
    'SELECT b.* FROM bag b JOIN mark m ON player_1_score = m.id',
    'SELECT b.* FROM bag b JOIN mark m ON b.player_1_score = m.id WHERE rank = 1',
    'SELECT rank FROM bag b JOIN mark m ON b.player_1_score = m.id',
  ),
  refused(
    'stored-values',
    'a value that is stored is a literal, and a text only in a column of text',
    "INSERT INTO bag (word, player_1_score) VALUES ('a', '1')",
    "UPDATE bag SET player_1_score = '1'",
    'UPDATE bag SET word = :sender',
    'UPDATE bag SET word = word',
    "INSERT INTO bag (word) VALUES ('a')",
    "INSERT INTO bag (word, player_1_score) VALUES ('a')",
  ),
  [
    'private',
    'store.access',
    'a private table is not there for others, and there for the owner',
    async (server) => {
      const database = await server.database('store');
      await database.commit('hide', [5, 'hidden']);
      const { token } = await server.caller();
      const { status, body } = await database.sql('SELECT * FROM hidden', token);
      const unknown = await database.sql('SELECT * FROM no_such_table', token);
      equal([status, unknown.status], [400, 400], 'status of a private and of an unknown table');
      equal(body.replaceAll('hidden', ''), unknown.body.replaceAll('no_such_table', ''), 'what is said of both');
      equal(await database.rows('SELECT word FROM hidden WHERE id = 5'), [['hidden']], 'for the owner');
    },
  ],
  [
    'insert',
    'sql.http',
    'the owner inserts, and subscribers see it',
    async (server) => {
      const database = await server.fresh('store');
      const { status, body } = await database.sql("INSERT INTO bag (word, player_1_score) VALUES ('sql', 7)");
      equal(status, 200, `status (${body})`);
      equal(JSON.parse(body)[0].stats.rows_inserted, 1, 'rows_inserted');
      equal(await database.rows('SELECT * FROM bag'), [['sql', 7]], 'rows');
    },
  ],
  [
    'update',
    'sql.http',
    'the owner updates',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_bag', ['a', 1]);
      await database.commit('add_bag', ['b', 2]);
      const { status, body } = await database.sql("UPDATE bag SET player_1_score = 9 WHERE word = 'a'");
      equal(status, 200, `status (${body})`);
      equal(await database.rows("SELECT * FROM bag WHERE word = 'a'"), [['a', 9]], 'rows');
    },
  ],
  [
    'delete',
    'sql.http',
    'the owner deletes',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_bag', ['a', 1]);
      await database.commit('add_bag', ['b', 2]);
      const { status, body } = await database.sql("DELETE FROM bag WHERE word = 'a'");
      equal(status, 200, `status (${body})`);
      equal(await database.rows('SELECT word FROM bag'), [['b']], 'rows');
    },
  ],
  [
    'change-by-others',
    'sql.http',
    'nobody else changes rows by SQL',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_bag', ['a', 1]);
      const { token } = await server.caller();
      for (const statement of [
        "INSERT INTO bag (word, player_1_score) VALUES ('x', 1)",
        'DELETE FROM bag',
        "UPDATE bag SET word = 'x'",
      ]) {
        const { status } = await database.sql(statement, token);
        check(status >= 400 && status < 500, `${statement} was answered with ${status}`);
      }
      equal(await database.rows('SELECT * FROM bag'), [['a', 1]], 'rows');
    },
  ],
  [
    'system-tables',
    'sql.system',
    'the owner reads st_table and st_client',
    async (server) => {
      const database = await server.database('store');
      const names = (await database.rows('SELECT table_name FROM st_table')).map(([name]) => name);
      check(names.includes('bag'), `the tables are ${names}`);
      equal((await database.sql('SELECT * FROM st_client')).status, 200, 'st_client');
    },
  ],
  [
    'system-indexes',
    'sql.system',
    'st_table and st_index say what a table is made of',
    async (server) => {
      const database = await server.database('store');
      const [[id, key] = []] = await database.rows(
        "SELECT table_id, table_primary_key FROM st_table WHERE table_name = 'item'",
      );
      equal(key, [0, [0]], 'primary key');
      const indexes = await database.rows(`SELECT index_name, index_algorithm FROM st_index WHERE table_id = ${id}`);
      const found = new Map(indexes.map(([name, algorithm]) => [name, algorithm]));
      equal(found.get('item_owner_rank_idx_btree'), [1, [[2, 3]]], 'btree');
      equal(found.get('item_tag_idx_hash'), [3, [[4]]], 'hash');
    },
  ],
  [
    'system-events-and-rules',
    'sql.system',
    'st_event_table and st_row_level_security name the tables that are so',
    async (server) => {
      const database = await server.database('events');
      const named = async (table: string) => {
        const rows = await database.rows(
          `SELECT t.table_name FROM ${table} s JOIN st_table t ON s.table_id = t.table_id`,
        );
        return rows.map(([name]) => name).sort();
      };
      equal(await named('st_event_table'), ['bell', 'shout'], 'st_event_table');
      equal(await named('st_row_level_security'), ['bell', 'note', 'paper', 'paper', 'post'], 'st_row_level_security');
    },
  ],
]);
