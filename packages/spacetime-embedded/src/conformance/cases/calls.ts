import { group } from '../case.ts';
import { check, equal, matches } from '../expectation.ts';

/** Calls over HTTP. */
export const callCases = group('call', [
  [
    'committed',
    'http.call',
    'a reducer that commits is 200 and empty, with its duration',
    async (server) => {
      const database = await server.database('store');
      const { status, body, headers } = await database.call('nothing', []);
      equal([status, body], [200, ''], 'status and body');
      matches(String(headers['spacetime-execution-duration-micros']), /^\d+$/, 'spacetime-execution-duration-micros');
    },
  ],
  [
    'sender-error',
    'http.call',
    'a SenderError is 530 with its message',
    async (server) => {
      const database = await server.database('store');
      const { status, body } = await database.call('refuse', ['not today']);
      equal([status, body], [530, 'not today'], 'status and body');
    },
  ],
  [
    'trap',
    'http.call',
    'any other error is 530 without its message',
    async (server) => {
      const database = await server.database('store');
      const { status, body } = await database.call('crash', ['an inner detail']);
      equal([status, body.includes('inner detail')], [530, false], 'status, and whether the message is told');
      matches(body, /fatal error/, 'the body');
    },
  ],
  [
    'by-name',
    'http.call',
    'arguments may be an object by field name',
    async (server) => {
      const database = await server.database('store');
      equal((await database.call('add_bag', { word: 'by name', score: 3 })).status, 200, 'status');
      equal(await database.rows("SELECT * FROM bag WHERE word = 'by name'"), [['by name', 3]], 'rows');
    },
  ],
  [
    'bad-arguments',
    'http.call',
    'arguments of the wrong type, number or form are 400',
    async (server) => {
      const database = await server.database('store');
      for (const args of [
        '["x"]',
        '["x", "y"]',
        '[1, 2]',
        '["x", 1, 2]',
        '"x"',
        'not json',
        '["x", -1]',
        '["x", 4294967296]',
      ]) {
        equal((await database.call('add_bag', args)).status, 400, args);
      }
    },
  ],
  [
    'content-type',
    'http.call',
    'a call must say that it is JSON',
    async (server) => {
      const { path } = await server.database('store');
      const { status } = await server.request('POST', `${path}/call/nothing`, {
        body: '[]',
        headers: { 'content-type': 'text/plain' },
      });
      check(status === 415 || status === 400, `expected 415 or 400, got ${status}`);
    },
  ],
  [
    'unknown',
    'http.call',
    'an unknown function is 404',
    async (server) => {
      const database = await server.database('store');
      equal((await database.call('no_such_function', [])).status, 404, 'status');
    },
  ],
  [
    'lifecycle',
    'http.call',
    'a lifecycle reducer is not called',
    async (server) => {
      const database = await server.database('lifecycle');
      const { status } = await database.call('connected', []);
      equal(status, 400, 'status');
    },
  ],
  [
    'scheduled',
    'http.call',
    'a scheduled reducer is not called by others than the owner',
    async (server) => {
      const database = await server.database('schedules');
      const { token } = await server.caller();
      const { status } = await database.call('on_timer', [[1, { Time: [0] }, 'by hand']], token);
      equal(status, 404, 'status');
    },
  ],
  [
    'procedure',
    'http.call',
    'a procedure is 200 with its value as SATS-JSON',
    async (server) => {
      const database = await server.database('procedures');
      const { status, body } = await database.call('sum', [2, 40]);
      equal([status, body], [200, '42'], 'status and body');
    },
  ],
  [
    'accessor-name',
    'module.names',
    'a reducer is called by its canonical name only',
    async (server) => {
      const database = await server.database('store');
      equal((await database.call('addBag', ['x', 1])).status, 404, 'addBag');
      equal((await database.call('given_name', [])).status, 200, 'an explicit name');
      equal((await database.call('explicit', [])).status, 404, 'the name of the export of one that is explicit');
    },
  ],
  [
    'lifecycle-around',
    'module.lifecycle',
    'a call runs between client_connected and client_disconnected',
    async (server) => {
      const database = await server.database('lifecycle');
      const { identity, token } = await server.caller();
      await database.commit('nothing', [], token);
      const past = await database.rows(`SELECT connection FROM past WHERE identity = '${identity}'`);
      equal(past.length, 1, 'connections that ended');
    },
  ],
  [
    'rejected',
    'module.lifecycle',
    'a client that the module refuses gets 403 with the message',
    async (server) => {
      const database = await server.database('lifecycle');
      const { identity, token } = await server.caller();
      await database.commit('refuse_from', [[`0x${identity}`], 'sender']);
      for (const { status, body } of [
        await database.call('nothing', [], token),
        await database.sql('SELECT * FROM past', token),
      ]) {
        equal([status, body.includes('you may not come in')], [403, true], 'status, and whether the message is told');
      }
    },
  ],
]);
