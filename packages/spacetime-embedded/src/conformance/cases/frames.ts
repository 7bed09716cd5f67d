import { t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import { serverMessages } from '../server-messages.ts';
import type { ServerUnderTest } from '../server-under-test.ts';
import { encoded } from '../test-database.ts';

/** A long answer and a short one, as payloads, by the compression that is asked for. */
async function payloads(server: ServerUnderTest, query: string) {
  const database = await server.database('store');
  await database.commit('add_many_bags', [200, 'frames']);
  const client = await database.connect({ query });
  const before = client.payloads.length;
  client.send(clientMessage.oneOff(1, "SELECT * FROM bag WHERE word = 'frames'"));
  await client.next('OneOffQueryResult');
  client.send(clientMessage.oneOff(2, "SELECT * FROM bag WHERE word = 'no such word'"));
  await client.next('OneOffQueryResult');
  const [long, short] = client.payloads.slice(before).map((payload) => payload[0]);
  return [long, short];
}

/** Framing and compression. */
export const frameCases = group('frames', [
  [
    'none',
    'ws.frames',
    'compression=None: every payload has the tag 0',
    async (server) => {
      equal(await payloads(server, 'compression=None'), [0, 0], 'tags');
    },
  ],
  [
    'gzip',
    'ws.frames',
    'compression=Gzip: long bodies have the tag 2, short ones 0',
    async (server) => {
      equal(await payloads(server, 'compression=Gzip'), [2, 0], 'tags');
    },
  ],
  [
    'brotli',
    'ws.frames',
    'compression=Brotli: long bodies have the tag 1, short ones 0',
    async (server) => {
      equal(await payloads(server, 'compression=Brotli'), [1, 0], 'tags');
    },
  ],
  [
    'default',
    'ws.frames',
    'without a word about it the compression is Brotli',
    async (server) => {
      equal(await payloads(server, ''), [1, 0], 'tags');
    },
  ],
  [
    'no-deflate',
    'ws.frames',
    'permessage-deflate is not negotiated',
    async (server) => {
      const client = await (await server.database('store')).connect();
      equal(client.socket.extensions, '', 'extensions');
    },
  ],
  [
    'v3-many-in-one',
    'ws.frames',
    'v3 takes several messages in one payload and answers in order',
    async (server) => {
      const client = await (await server.database('store')).connect();
      const messages = Array.from({ length: 20 }, (_, index) => clientMessage.oneOff(index, 'SELECT * FROM seat'));
      client.send(...messages);
      for (let index = 0; index < 20; index += 1)
        equal((await client.next('OneOffQueryResult')).request, index, 'request');
    },
  ],
  [
    'v2-one-by-one',
    'ws.frames',
    'v2 takes one message of a payload and sends each answer by itself',
    async (server) => {
      const client = await (await server.database('store')).connect({ protocols: ['v2.bsatn.spacetimedb'] });
      client.send(clientMessage.oneOff(1, 'SELECT * FROM seat'), clientMessage.oneOff(2, 'SELECT * FROM seat'));
      client.send(clientMessage.oneOff(3, 'SELECT * FROM seat'));
      equal((await client.next('OneOffQueryResult')).request, 1, 'the first');
      equal((await client.next('OneOffQueryResult')).request, 3, 'the next: what follows in a payload is ignored');
      for (const payload of client.payloads)
        equal(serverMessages(payload.subarray(1)).length, 1, 'messages of a payload');
    },
  ],
  [
    'row-lists',
    'ws.frames',
    'rows of one length come as FixedSize, others as RowOffsets',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_pair', [1, 1]);
      await database.commit('add_pair', [2, 2]);
      await database.commit('add_bag', ['a', 1]);
      await database.commit('add_bag', ['ab', 1]);
      const client = await database.connect();
      const hintOf = async (query: string, tableName: string) => {
        client.send(clientMessage.oneOff(1, query));
        await client.next('OneOffQueryResult');
        const body = (client.payloads.at(-1) ?? Buffer.alloc(0)).subarray(1);
        // Tag, request id, ok, one table, its name; then the hint.
        return body[1 + 4 + 1 + 4 + 4 + tableName.length];
      };
      equal(await hintOf('SELECT * FROM pair', 'pair'), 0, 'rows of one length');
      equal(await hintOf('SELECT * FROM bag', 'bag'), 1, 'rows of two lengths');
    },
  ],
  [
    'fragments',
    'ws.frames',
    'a message of more than a megabyte comes whole',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_many_bags', [40_000, 'a word of some length']);
      const client = await database.connect();
      client.send(clientMessage.oneOff(1, 'SELECT * FROM bag'));
      const { result } = await client.next('OneOffQueryResult');
      check(typeof result !== 'string', String(result));
      equal(result[0]?.rows.length, 40_000, 'rows');
    },
  ],
  [
    'large-message-in',
    'ws.limits',
    'a message of 4 MiB from a client is taken',
    async (server) => {
      const client = await (await server.database('store')).connect();
      const text = 'x'.repeat(4 << 20);
      client.send(clientMessage.reducer(1, 'refuse', encoded([t.string(), text])));
      const { result } = await client.next('ReducerResult');
      equal('error' in result && result.error.length, text.length, 'length of the message that comes back');
    },
  ],
]);
