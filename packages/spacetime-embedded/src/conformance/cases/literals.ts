import { group } from '../case.ts';
import { equal } from '../expectation.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

/** Whether a row of every type, that is there, is found by each condition. */
async function found(
  server: ServerUnderTest,
  conditions: readonly string[],
  misses: readonly string[] = [],
): Promise<void> {
  const database = await server.database('types');
  const id = 3_000_000;
  await database.commit('put', `[${rowText(id)}]`);
  for (const condition of conditions) {
    equal(await database.rows(`SELECT id FROM every WHERE id = ${id} AND ${condition}`), [[id]], condition);
  }
  for (const condition of misses) {
    equal(await database.rows(`SELECT id FROM every WHERE id = ${id} AND ${condition}`), [], condition);
  }
}

function rowText(id: number): string {
  // As text: the u64 is beyond what a number of JavaScript holds.
  return `{"id":${id},"flag":true,"unsigned_8":255,"unsigned_16":2,"unsigned_32":3,"unsigned_64":9007199254740993,
    "unsigned_128":5,"unsigned_256":"0x6","signed_8":-7,"signed_16":-8,"signed_32":-9,"signed_64":-10,"signed_128":-11,
    "signed_256":"0x0c","float_32":1.5,"float_64":-0.25,"text":"it's é","bytes":"0aff","identity":["0x${'c2'.repeat(32)}"],
    "connection":[255],"moment":[1700000000123456],"span":[5],"uuid":[255],"maybe_text":{"some":"x"},"numbers":[],
    "points":[],"point":[0,0],"shade":{"plain":[]},"level":{"low":[]},"maybe_point":{"none":[]},"at":{"Time":[0]}}`;
}

/** Literals, typed by the column. */
export const literalCases = group('literals', [
  [
    'bool',
    'sql.literals',
    'TRUE and FALSE',
    (server) => found(server, ['flag = TRUE', 'flag = true', 'flag <> FALSE'], ['flag = FALSE']),
  ],
  [
    'integers',
    'sql.literals',
    'integers of every width',
    (server) =>
      found(
        server,
        [
          'unsigned_8 = 255',
          'unsigned_64 = 9007199254740993',
          'signed_8 = -7',
          'signed_64 = -10',
          'unsigned_128 = 5',
          'signed_128 = -11',
          'unsigned_256 = 6',
        ],
        ['unsigned_64 = 9007199254740992'],
      ),
  ],
  [
    'scientific',
    'sql.literals',
    'integers with an exponent',
    (server) => found(server, ['unsigned_16 = 2e0', 'unsigned_16 < 1e3']),
  ],
  [
    'floats',
    'sql.literals',
    'floats',
    (server) => found(server, ['float_32 = 1.5', 'float_64 = -0.25', 'float_64 = -25e-2', 'float_32 > 1']),
  ],
  [
    'strings',
    'sql.literals',
    'strings, with a doubled quote',
    (server) => found(server, ["text = 'it''s é'"], ["text = 'its é'"]),
  ],
  [
    'bytes',
    'sql.literals',
    'bytes as 0x and X',
    (server) => found(server, ['bytes = 0x0aff', "bytes = X'0aff'"], ['bytes = 0x0afe']),
  ],
  [
    'identity',
    'sql.literals',
    'identities as hex',
    (server) => found(server, [`identity = 0x${'c2'.repeat(32)}`, `identity = '${'c2'.repeat(32)}'`]),
  ],
  [
    'connection-id',
    'sql.literals',
    'connection ids as hex',
    (server) => found(server, [`connection = 0x${'0'.repeat(30)}ff`]),
  ],
  [
    'timestamp',
    'sql.literals',
    'timestamps as RFC 3339',
    (server) => found(server, ["moment = '2023-11-14T22:13:20.123456Z'", "moment < '2024-01-01T00:00:00Z'"]),
  ],
  [
    'uuid',
    'sql.literals',
    'uuids as text',
    (server) => found(server, ["uuid = '00000000-0000-0000-0000-0000000000ff'"]),
  ],
  [
    'crossed',
    'sql.literals',
    'digits in quotes are a number, and a number is a text',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_bag', ['12', 34]);
      for (const condition of ["player_1_score = '34'", 'word = 12', "word = '12'", 'word = 0x12']) {
        equal(await database.rows(`SELECT * FROM bag WHERE ${condition}`), [['12', 34]], condition);
      }
    },
  ],
  [
    'infinite',
    'sql.literals',
    'a float that is too large is infinite',
    (server) => found(server, ['float_32 < 1e40', 'float_32 > -1e40'], ['float_32 > 1e40']),
  ],
  [
    'option',
    'sql.literals',
    'there are no literals of options',
    async (server) => {
      const database = await server.database('types');
      equal((await database.sql("SELECT * FROM every WHERE maybe_text = 'x'")).status, 400, 'status');
    },
  ],
]);
