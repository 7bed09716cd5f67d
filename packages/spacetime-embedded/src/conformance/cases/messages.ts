import { t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal, matches } from '../expectation.ts';
import { encoded, row } from '../test-database.ts';

const word = (text: string, score: number) => row([t.string(), text], [t.u32(), score]);
const bagArgs = (text: string, score: number) => encoded([t.string(), text], [t.u32(), score]);
let count = 0;
/** A word that no other case uses. */
const newWord = () => {
  count += 1;
  return `message ${count}`;
};

/** Every message of v2 and v3. */
export const messageCases = group('messages', [
  [
    'subscribe',
    'ws.messages',
    'Subscribe is answered by SubscribeApplied with the rows',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      await database.commit('add_bag', [text, 5]);
      const client = await database.connect();
      client.send(clientMessage.subscribe(7, 9, `SELECT * FROM bag WHERE word = '${text}'`));
      const { request, set, rows } = await client.next('SubscribeApplied');
      equal([request, set, rows], [7, 9, [{ table: 'bag', rows: [word(text, 5)] }]], 'SubscribeApplied');
    },
  ],
  [
    'empty-tables',
    'ws.messages',
    'tables without rows are left out of SubscribeApplied',
    async (server) => {
      const database = await server.database('store');
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, `SELECT * FROM bag WHERE word = '${newWord()}'`));
      equal((await client.next('SubscribeApplied')).rows, [], 'rows');
    },
  ],
  [
    'transaction-update',
    'ws.messages',
    'a commit of others comes as TransactionUpdate, inserts and deletes',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 3, `SELECT * FROM bag WHERE word = '${text}'`));
      await client.next('SubscribeApplied');
      await database.commit('add_bag', [text, 1]);
      equal(
        (await client.next('TransactionUpdate')).sets,
        [{ set: 3, tables: [{ table: 'bag', parts: [{ inserts: [word(text, 1)], deletes: [] }] }] }],
        'the insert',
      );
      await database.commit('remove_bag', [text, 1]);
      equal(
        (await client.next('TransactionUpdate')).sets,
        [{ set: 3, tables: [{ table: 'bag', parts: [{ inserts: [], deletes: [word(text, 1)] }] }] }],
        'the delete',
      );
    },
  ],
  [
    'reducer-result',
    'ws.messages',
    'the own change comes inside ReducerResult, and not again',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, `SELECT * FROM bag WHERE word = '${text}'`));
      await client.next('SubscribeApplied');
      client.send(clientMessage.reducer(2, 'add_bag', bagArgs(text, 1)));
      const { request, result } = await client.next('ReducerResult');
      equal(
        [request, result],
        [
          2,
          {
            ok: [{ set: 1, tables: [{ table: 'bag', parts: [{ inserts: [word(text, 1)], deletes: [] }] }] }],
          },
        ],
        'ReducerResult',
      );
      client.send(clientMessage.reducer(3, 'nothing'));
      await client.next('ReducerResult');
      equal(client.seen, [], 'messages besides');
    },
  ],
  [
    'reducer-result-empty',
    'ws.messages',
    'a reducer without effect is Ok with nothing in it',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.reducer(2, 'nothing'));
      equal((await client.next('ReducerResult')).result, { ok: [] }, 'result');
    },
  ],
  [
    'reducer-error',
    'ws.messages',
    'a SenderError is Err with the BSATN of its text',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.reducer(2, 'refuse', encoded([t.string(), 'not today'])));
      equal((await client.next('ReducerResult')).result, { error: 'not today' }, 'result');
    },
  ],
  [
    'reducer-trap',
    'ws.messages',
    'any other error is InternalError without its message',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.reducer(2, 'crash', encoded([t.string(), 'an inner detail'])));
      const { result } = await client.next('ReducerResult');
      check('internal' in result, `the result is ${JSON.stringify(result)}`);
      matches(result.internal, /fatal error/, 'the text');
      check(!result.internal.includes('inner detail'), 'the message of the module is told');
    },
  ],
  [
    'reducer-unknown',
    'ws.messages',
    'unknown reducers, bad arguments and lifecycle reducers are InternalError',
    async (server) => {
      const client = await (await server.database('store')).connect();
      const calls = [
        clientMessage.reducer(2, 'no_such_reducer'),
        clientMessage.reducer(3, 'add_bag', Uint8Array.of(1, 2)),
        clientMessage.reducer(4, 'init'),
      ];
      for (const call of calls) {
        client.send(call);
        const { request, result } = await client.next('ReducerResult');
        check('internal' in result, `the result of request ${request} is ${JSON.stringify(result)}`);
      }
    },
  ],
  [
    'unsubscribe',
    'ws.messages',
    'UnsubscribeApplied gives the rows back when they are asked for',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      await database.commit('add_bag', [text, 1]);
      const client = await database.connect();
      const query = `SELECT * FROM bag WHERE word = '${text}'`;
      client.send(clientMessage.subscribe(1, 1, query), clientMessage.subscribe(2, 2, query));
      client.send(clientMessage.unsubscribe(3, 1, true), clientMessage.unsubscribe(4, 2, false));
      const first = await client.next('UnsubscribeApplied');
      equal([first.request, first.set, first.rows], [3, 1, [{ table: 'bag', rows: [word(text, 1)] }]], 'with rows');
      const second = await client.next('UnsubscribeApplied');
      equal([second.request, second.set, second.rows], [4, 2, undefined], 'without rows');
      await database.commit('add_bag', [text, 2]);
      client.send(clientMessage.reducer(9, 'nothing'));
      await client.next('ReducerResult');
      check(!client.seen.some(({ type }) => type === 'TransactionUpdate'), 'updates go on');
    },
  ],
  [
    'unsubscribe-unknown',
    'ws.messages',
    'unsubscribing what is not there is a SubscriptionError of that request',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.unsubscribe(3, 77));
      const { request, set } = await client.next('SubscriptionError');
      equal([request, set], [3, 77], 'SubscriptionError');
    },
  ],
  [
    'subscription-error',
    'ws.messages',
    'a query that is refused is a SubscriptionError, and its set id stays free',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.subscribe(1, 5, 'SELECT * FROM bag', 'SELECT * FROM no_such_table'));
      const { request, set, error } = await client.next('SubscriptionError');
      equal([request, set], [1, 5], 'SubscriptionError');
      check(error.length > 0, 'the error says nothing');
      client.send(clientMessage.subscribe(2, 5, 'SELECT * FROM seat'));
      await client.next('SubscribeApplied');
    },
  ],
  [
    'one-off',
    'ws.messages',
    'OneOffQuery is answered once',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      await database.commit('add_bag', [text, 1]);
      const client = await database.connect();
      client.send(clientMessage.oneOff(6, `SELECT * FROM bag WHERE word = '${text}'`));
      const { request, result } = await client.next('OneOffQueryResult');
      equal([request, result], [6, [{ table: 'bag', rows: [word(text, 1)] }]], 'OneOffQueryResult');
    },
  ],
  [
    'one-off-empty',
    'ws.messages',
    'a one-off query without rows names its table all the same',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.oneOff(7, `SELECT * FROM bag WHERE word = '${newWord()}'`));
      const { result } = await client.next('OneOffQueryResult');
      equal(result, [{ table: 'bag', rows: [] }], 'OneOffQueryResult');
    },
  ],
  [
    'one-off-join',
    'ws.messages',
    'a one-off query joins without an index',
    async (server) => {
      const database = await server.database('store');
      const text = newWord();
      await database.commit('add_bag', [text, 1]);
      const client = await database.connect();
      const query = `SELECT b.* FROM bag b JOIN bag c ON b.word = c.word WHERE c.word = '${text}'`;
      client.send(clientMessage.oneOff(7, query));
      const { result } = await client.next('OneOffQueryResult');
      equal(result, [{ table: 'bag', rows: [word(text, 1)] }], 'OneOffQueryResult');
    },
  ],
  [
    'one-off-many-tables',
    'ws.messages',
    'a one-off query joins more than two tables, and without a condition',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_bag', ['one', 1]);
      await database.commit('add_bag', ['two', 2]);
      const client = await database.connect();
      const on = 'a.player_1_score = b.player_1_score';
      for (const [request, text, words] of [
        [
          1,
          `SELECT b.* FROM bag a JOIN bag b ON ${on} JOIN bag c ON b.word = c.word`,
          [
            ['one', 1],
            ['two', 2],
          ],
        ],
        [
          2,
          "SELECT b.* FROM bag a JOIN bag b WHERE a.word = 'one'",
          [
            ['one', 1],
            ['two', 2],
          ],
        ],
        [
          3,
          "SELECT a.* FROM bag a JOIN bag b WHERE a.word = 'one'",
          [
            ['one', 1],
            ['one', 1],
          ],
        ],
      ] as const) {
        client.send(clientMessage.oneOff(request, text));
        const { result } = await client.next('OneOffQueryResult');
        const rows = typeof result === 'string' ? result : [...(result[0]?.rows ?? [])].sort();
        equal(rows, words.map(([name, score]) => word(name, score)).sort(), text);
      }
    },
  ],
  [
    'one-off-error',
    'ws.messages',
    'a one-off query that is refused is an error of that request',
    async (server) => {
      const client = await (await server.database('store')).connect();
      for (const query of [
        'SELECT * FROM no_such_table',
        'nonsense',
        'SELECT word FROM bag',
        'SELECT * FROM bag LIMIT 1',
        'SELECT * FROM *',
      ]) {
        client.send(clientMessage.oneOff(6, query));
        const { result } = await client.next('OneOffQueryResult');
        check(typeof result === 'string', `${query} was answered with rows`);
      }
    },
  ],
  [
    'procedure',
    'ws.messages',
    'CallProcedure is answered with the BSATN of its value',
    async (server) => {
      const client = await (await server.database('procedures')).connect();
      client.send(clientMessage.procedure(8, 'sum', encoded([t.i64(), 40n], [t.i64(), 2n])));
      const { request, result } = await client.next('ProcedureResult');
      check(result instanceof Uint8Array, 'the procedure failed');
      equal([request, Buffer.from(result).toString('hex')], [8, row([t.i64(), 42n])], 'ProcedureResult');
    },
  ],
  [
    'procedure-error',
    'ws.messages',
    'a procedure that fails or is unknown is an InternalError',
    async (server) => {
      const client = await (await server.database('procedures')).connect();
      client.send(clientMessage.procedure(8, 'add_and_fail', encoded([t.string(), newWord()])));
      check(!((await client.next('ProcedureResult')).result instanceof Uint8Array), 'it returned');
      client.send(clientMessage.procedure(9, 'no_such_procedure'));
      check(!((await client.next('ProcedureResult')).result instanceof Uint8Array), 'the unknown one returned');
    },
  ],
  [
    'every-type',
    'sats.bsatn',
    'a row of every type goes in and comes out as the same bytes',
    async (server) => {
      const database = await server.database('types');
      const client = await database.connect();
      client.send(clientMessage.oneOff(1, 'SELECT * FROM every WHERE id = 0'));
      await client.next('OneOffQueryResult');
      await database.commit('put', [
        {
          id: 4_000_000,
          flag: true,
          unsigned_8: 255,
          unsigned_16: 65535,
          unsigned_32: 1,
          unsigned_64: 2,
          unsigned_128: 3,
          unsigned_256: '0x4',
          signed_8: -1,
          signed_16: -2,
          signed_32: -3,
          signed_64: -4,
          signed_128: -5,
          signed_256: `0x${'f'.repeat(64)}`,
          float_32: 1.5,
          float_64: -0.25,
          text: 'é',
          bytes: '0a0b',
          identity: ['0x01'],
          connection: [2],
          moment: [3],
          span: [4],
          uuid: [5],
          maybe_text: { some: 'x' },
          numbers: [1, 2],
          points: [[1, 2]],
          point: [3, 4],
          shade: { namedOne: 'n' },
          level: { high: [] },
          maybe_point: { none: [] },
          at: { Time: [9] },
        },
      ]);
      client.send(clientMessage.oneOff(2, 'SELECT * FROM every WHERE id = 4000000'));
      const { result } = await client.next('OneOffQueryResult');
      check(typeof result !== 'string', String(result));
      const bytes = (size: number, value: number) => `${value.toString(16).padStart(2, '0')}${'00'.repeat(size - 1)}`;
      equal(
        result[0]?.rows[0],
        [
          '00093d00',
          '01',
          'ff',
          'ffff',
          bytes(4, 1),
          bytes(8, 2),
          bytes(16, 3),
          bytes(32, 4),
          'ff',
          'feff',
          `fd${'ff'.repeat(3)}`,
          `fc${'ff'.repeat(7)}`,
          `fb${'ff'.repeat(15)}`,
          'ff'.repeat(32),
          '0000c03f',
          '000000000000d0bf',
          '02000000c3a9',
          '020000000a0b',
          bytes(32, 1),
          bytes(16, 2),
          bytes(8, 3),
          bytes(8, 4),
          bytes(16, 5),
          '000100000078',
          `02000000${bytes(4, 1)}${bytes(4, 2)}`,
          `01000000${bytes(4, 1)}${bytes(4, 2)}`,
          `${bytes(4, 3)}${bytes(4, 4)}`,
          '02010000006e',
          '01',
          '01',
          `01${bytes(8, 9)}`,
        ].join(''),
        'the bytes of the row',
      );
    },
  ],
  [
    'bool-of-two',
    'sats.bsatn',
    'a bool that is neither 0 nor 1 is refused',
    async (server) => {
      const client = await (await server.database('events')).connect();
      client.send(clientMessage.reducer(1, 'open', Buffer.concat([encoded([t.string(), 'x']), Uint8Array.of(2)])));
      check('internal' in (await client.next('ReducerResult')).result, 'it was taken');
    },
  ],
]);
