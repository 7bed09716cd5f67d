import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';

/** The websocket handshake. */
export const upgradeCases = group('upgrade', [
  [
    'v3-preferred',
    'ws.upgrade',
    'v3 is chosen whatever the order of the offer',
    async (server) => {
      const database = await server.database('store');
      const client = await database.connect({ protocols: ['v2.bsatn.spacetimedb', 'v3.bsatn.spacetimedb'] });
      equal(client.socket.protocol, 'v3.bsatn.spacetimedb', 'protocol');
    },
  ],
  [
    'v2',
    'ws.upgrade',
    'v2 is spoken when it alone is offered',
    async (server) => {
      const database = await server.database('store');
      const client = await database.connect({ protocols: ['v2.bsatn.spacetimedb'] });
      equal(client.socket.protocol, 'v2.bsatn.spacetimedb', 'protocol');
    },
  ],
  [
    'no-protocol',
    'ws.upgrade',
    'without a protocol that is known the answer is 400',
    async (server) => {
      const database = await server.database('store');
      const { status, body } = await database.open({ protocols: ['chat'] }).refusal();
      equal(status, 400, 'status');
      check(body.length > 0, 'the answer says nothing');
    },
  ],
  [
    'first-message',
    'ws.messages',
    'InitialConnection comes first, with identity, connection id and token',
    async (server) => {
      const database = await server.database('store');
      const { identity, token } = await server.caller();
      const client = database.open({ token });
      const first = await client.next('InitialConnection');
      equal([first.identity, first.token], [identity, token], 'identity and token');
      check(!/^0+$/.test(first.connectionId), 'the connection id is zero');
    },
  ],
  [
    'anonymous',
    'ws.messages',
    'an anonymous client gets a token with which it is the same again',
    async (server) => {
      const database = await server.database('store');
      const { identity, token } = await database.open().next('InitialConnection');
      equal((await database.open({ token }).next('InitialConnection')).identity, identity, 'identity');
    },
  ],
  [
    'query-token',
    'ws.upgrade',
    'a token may be in the query',
    async (server) => {
      const database = await server.database('store');
      const { identity, token } = await server.caller();
      const first = await database.open({ query: `compression=None&token=${token}` }).next('InitialConnection');
      equal(first.identity, identity, 'identity');
    },
  ],
  [
    'echoes-websocket-token',
    'ws.messages',
    'the token of InitialConnection is the one that was presented',
    async (server) => {
      const database = await server.database('store');
      const { token } = await server.caller();
      const short = JSON.parse((await server.request('POST', '/v1/identity/websocket-token', { token })).body).token;
      equal(
        (await database.open({ query: `compression=None&token=${short}` }).next('InitialConnection')).token,
        short,
        'token',
      );
    },
  ],
  [
    'bad-token',
    'ws.upgrade',
    'a bad token is 401',
    async (server) => {
      const database = await server.database('store');
      equal((await database.open({ token: 'a.b.c' }).refusal()).status, 401, 'status');
    },
  ],
  [
    'unknown-database',
    'ws.upgrade',
    'an unknown database is 404',
    async (server) => {
      const database = server.adopt(server.newName(), '');
      equal((await database.open().refusal()).status, 404, 'status');
    },
  ],
  [
    'connection-id',
    'ws.upgrade',
    'a connection id may be given; of zeros alone it is 400',
    async (server) => {
      const database = await server.database('store');
      const id = Buffer.from(server.ports.random.bytes(16)).toString('hex');
      equal(
        (await database.open({ query: `compression=None&connection_id=${id}` }).next('InitialConnection')).connectionId,
        id,
        'id',
      );
      equal((await database.open({ query: `connection_id=${'0'.repeat(32)}` }).refusal()).status, 400, 'zeros');
      equal((await database.open({ query: 'connection_id=xyz' }).refusal()).status, 400, 'no hex');
    },
  ],
  [
    'bad-parameter',
    'ws.upgrade',
    'an unknown compression is 400, an unknown parameter is ignored',
    async (server) => {
      const database = await server.database('store');
      equal((await database.open({ query: 'compression=none' }).refusal()).status, 400, 'compression=none');
      await database.connect({ query: 'compression=None&session_id=1&anything=2' });
    },
  ],
  [
    'v1',
    'ws.upgrade',
    'v1 alone is refused with 400 or spoken; it is not taken for v2',
    async (server) => {
      const database = await server.database('store');
      const client = database.open({ protocols: ['v1.bsatn.spacetimedb'] });
      const answer = await Promise.race([
        client.refused,
        new Promise<undefined>((resolve) => client.socket.once('open', () => resolve(undefined))),
      ]);
      if (answer === undefined) equal(client.socket.protocol, 'v1.bsatn.spacetimedb', 'protocol');
      else equal(answer.status, 400, 'status');
    },
  ],
  [
    'rejected-by-module',
    'module.lifecycle',
    'a client that the module refuses sees the socket break without a close frame',
    async (server) => {
      const database = await server.database('lifecycle');
      const { identity, token } = await server.caller();
      await database.commit('refuse_from', [[`0x${identity}`], 'crash']);
      const client = database.open({ token });
      equal((await client.ended()).code, 1006, 'code');
      equal(client.seen, [], 'messages');
      equal(
        await database.rows(`SELECT * FROM open WHERE identity = '${identity}'`),
        [],
        'rows of the refused connect',
      );
    },
  ],
  [
    'disconnect-runs',
    'module.lifecycle',
    'client_disconnected runs with the connection id of the websocket',
    async (server) => {
      const database = await server.database('lifecycle');
      const { identity, token } = await server.caller();
      const client = database.open({ token });
      const { connectionId } = await client.next('InitialConnection');
      const watcher = await database.connect();
      watcher.send(clientMessage.subscribe(1, 1, `SELECT * FROM open WHERE connection = '${connectionId}'`));
      equal((await watcher.next('SubscribeApplied')).rows.length, 1, 'tables with rows');
      client.close();
      await watcher.next('TransactionUpdate');
      equal(
        await database.rows(`SELECT connection FROM past WHERE identity = '${identity}'`),
        [[connectionId]],
        'connections that ended',
      );
    },
  ],
]);
