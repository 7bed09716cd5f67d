import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import type { ServerUnderTest } from '../server-under-test.ts';
import type { SocketClient } from '../socket-client.ts';

async function closeAfter(server: ServerUnderTest, send: (client: SocketClient) => void): Promise<number> {
  const client = await (await server.database('store')).connect();
  send(client);
  return (await client.ended()).code;
}

const malformed: readonly (readonly [string, Uint8Array])[] = [
  ['an empty payload', Uint8Array.of()],
  ['an unknown tag', Uint8Array.of(200)],
  ['a cut message', Uint8Array.of(0, 1, 0)],
  ['a text longer than the message', Uint8Array.of(2, 1, 0, 0, 0, 255, 255, 255, 127)],
  ['a text that is not UTF-8', Uint8Array.of(2, 1, 0, 0, 0, 1, 0, 0, 0, 255)],
  ['unknown flags of a call', Uint8Array.of(3, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0)],
];

/** Close codes and limits. */
export const limitCases = group('limits', [
  ...malformed.map(
    ([what, bytes], index) =>
      [
        `malformed-${index + 1}`,
        'ws.limits',
        `${what} closes with 1011`,
        async (server: ServerUnderTest) => {
          equal(await closeAfter(server, (client) => client.send(bytes)), 1011, 'code');
        },
      ] as const,
  ),
  [
    'text-frame',
    'ws.limits',
    'a text frame ends the connection',
    async (server) => {
      await closeAfter(server, (client) => client.socket.send('SELECT 1'));
    },
  ],
  [
    'earlier-messages-run',
    'ws.limits',
    'messages before a malformed one in a payload have been run',
    async (server) => {
      const database = await server.fresh('store');
      const client = await database.connect();
      client.send(
        clientMessage.reducer(1, 'nothing'),
        clientMessage.reducer(2, 'add_bag', Buffer.from('01000000780100000000'.slice(0, 18), 'hex')),
        Uint8Array.of(200),
      );
      equal((await client.ended()).code, 1011, 'code');
      equal(await database.rows('SELECT * FROM bag'), [['x', 1]], 'rows');
    },
  ],
  [
    'close-handshake',
    'ws.limits',
    'a close of the client is answered',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.socket.close(1000, 'done');
      equal((await client.ended()).code, 1000, 'code');
    },
  ],
  [
    'client-ping',
    'ws.limits',
    'a ping of the client is answered with a pong',
    async (server) => {
      const client = await (await server.database('store')).connect();
      const pong = new Promise<Buffer>((resolve) => client.socket.once('pong', resolve));
      client.socket.ping('still there?');
      equal((await pong).toString(), 'still there?', 'pong');
    },
  ],
  [
    'query-length',
    'sql.subscriptions',
    'a query of more than 50,000 bytes is refused',
    async (server) => {
      const client = await (await server.database('store')).connect();
      client.send(clientMessage.oneOff(1, `SELECT * FROM bag WHERE word = '${'x'.repeat(50_000)}'`));
      check(typeof (await client.next('OneOffQueryResult')).result === 'string', 'it was answered');
    },
  ],
  [
    'many-waiting',
    'ws.limits',
    'a flood of requests is answered to its end, or closed with 1013',
    async (server) => {
      const client = await (await server.database('store')).connect();
      const flood = Buffer.concat(Array.from({ length: 20_000 }, () => clientMessage.reducer(1, 'nothing')));
      client.send(flood);
      const first = await Promise.race([client.closed, client.next('ReducerResult')]);
      if ('code' in first) equal(first.code, 1013, 'code');
      else {
        client.send(clientMessage.oneOff(2, 'SELECT * FROM seat'));
        const end = await Promise.race([client.closed, client.next('OneOffQueryResult')]);
        if ('code' in end) check(end.code === 1013 || end.code === 1006, `the code is ${end.code}`);
      }
    },
  ],
]);
