import { t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import { encoded } from '../test-database.ts';

let count = 0;
const newKey = () => {
  count += 1;
  return `procedure ${count}`;
};

/** Procedures. */
export const procedureCases = group('procedures', [
  [
    'transaction',
    'module.procedures',
    'a transaction of a procedure commits and reads its own rows',
    async (server) => {
      const database = await server.database('procedures');
      const key = newKey();
      equal([await database.commit('add', [key, 'a']), await database.commit('add', [key, 'b'])], ['1', '2'], 'values');
      equal((await database.rows(`SELECT text FROM entry WHERE key = '${key}'`)).length, 2, 'rows');
    },
  ],
  [
    'updates',
    'module.procedures',
    'each transaction of a procedure reaches its caller as an update',
    async (server) => {
      const database = await server.database('procedures');
      const key = newKey();
      const client = await database.connect();
      client.send(clientMessage.subscribe(1, 1, `SELECT * FROM entry WHERE key = '${key}'`));
      await client.next('SubscribeApplied');
      client.send(clientMessage.procedure(2, 'add_twice', encoded([t.string(), key])));
      await client.next('TransactionUpdate');
      await client.next('TransactionUpdate');
      check((await client.next('ProcedureResult')).result instanceof Uint8Array, 'the procedure failed');
    },
  ],
  [
    'undone',
    'module.procedures',
    'a transaction whose body throws is undone, and the procedure goes on',
    async (server) => {
      const database = await server.database('procedures');
      const key = newKey();
      equal(JSON.parse(await database.commit('fail_in_tx', [key])), 'undone', 'value');
      equal(await database.rows(`SELECT * FROM entry WHERE key = '${key}'`), [], 'rows');
    },
  ],
  [
    'stays',
    'module.procedures',
    'what a procedure committed stays when it fails later',
    async (server) => {
      const database = await server.database('procedures');
      const key = newKey();
      check((await database.call('add_and_fail', [key])).status >= 400, 'it returned');
      equal(await database.rows(`SELECT text FROM entry WHERE key = '${key}'`), [['stays']], 'rows');
    },
  ],
  [
    'sender',
    'module.procedures',
    'a procedure knows its caller and the connection',
    async (server) => {
      const database = await server.database('procedures');
      const { identity, token } = await server.caller();
      equal(JSON.parse(await database.commit('who', [], token)), `${identity} false`, 'value');
    },
  ],
  [
    'http-private',
    'module.procedures',
    'a request to an address of a private network is an error of the module',
    async (server) => {
      const database = await server.database('procedures');
      equal(JSON.parse(await database.commit('get', ['http://127.0.0.1:1/'])), 'HttpError', 'name of the error');
    },
  ],
  [
    'http-in-transaction',
    'module.procedures',
    'a request inside of a transaction is refused',
    async (server) => {
      const database = await server.database('procedures');
      equal(
        JSON.parse(await database.commit('get_in_tx', ['http://127.0.0.1:1/'])),
        'WouldBlockTransaction',
        'name of the error',
      );
    },
  ],
]);
