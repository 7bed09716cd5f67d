import { BinaryReader, t } from 'spacetimedb';
import { group } from '../case.ts';
import { clientMessage } from '../client-message.ts';
import { check, equal } from '../expectation.ts';
import type { Caller } from '../server-access.ts';
import type { SeenUpdate } from '../server-messages.ts';
import type { ServerUnderTest } from '../server-under-test.ts';
import type { SocketClient } from '../socket-client.ts';
import { encoded, type TestDatabase } from '../test-database.ts';

let count = 0;
const newStream = () => {
  count += 1;
  return `stream-${count}`;
};

/** A reader of a stream with a websocket that is subscribed to its inbox. */
async function reader(server: ServerUnderTest, stream: string, who?: Caller) {
  const database = await server.database('streams');
  const caller = who ?? (await server.caller());
  if (who === undefined) await database.commit('allow', [[`0x${caller.identity}`], stream]);
  const client = await database.connect({ token: caller.token });
  client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM live_inbox'));
  await client.next('SubscribeApplied');
  return { database, caller, client };
}

/** Opens the stream and gives the numbers of the page; undefined when it is refused. */
async function opened(
  client: SocketClient,
  stream: string,
  after: bigint,
  limit: number,
): Promise<bigint[] | undefined> {
  const args = encoded([t.string(), stream], [t.u64(), after], [t.u32(), limit]);
  client.send(clientMessage.procedure(2, 'open_stream', args));
  const { result } = await client.next('ProcedureResult');
  if (!(result instanceof Uint8Array)) return undefined;
  const bytes = new BinaryReader(result);
  bytes.readU64();
  return Array.from({ length: bytes.readU32() }, () => bytes.readU64());
}

/** The numbers of the events in an update. */
function numbers(sets: readonly SeenUpdate[]): bigint[] {
  return sets.flatMap(({ tables }) =>
    tables.flatMap(({ parts }) =>
      parts.flatMap((part) =>
        ('events' in part ? part.events : []).map((hex) => {
          const bytes = new BinaryReader(Uint8Array.from(Buffer.from(hex, 'hex')));
          bytes.readU256();
          bytes.readString();
          return bytes.readU64();
        }),
      ),
    ),
  );
}

const append = (database: TestDatabase, stream: string) => database.commit('append', [stream, 'x']);

/** Private logs that are read through procedures and an inbox of events: what a stream of messages is made of. */
export const streamCases = group('streams', [
  [
    'pages',
    'module.procedures',
    'a procedure reads a bounded range of a composite index, in order',
    async (server) => {
      const stream = newStream();
      const { database, client } = await reader(server, stream);
      for (let left = 5; left > 0; left -= 1) await append(database, stream);
      await append(database, newStream());
      equal(await opened(client, stream, 0n, 2), [1n, 2n], 'the first page');
      equal(await opened(client, stream, 2n, 2), [3n, 4n], 'the second');
      equal(await opened(client, stream, 4n, 100), [5n], 'the last');
      equal(await opened(client, stream, 5n, 100), [], 'behind the last');
    },
  ],
  [
    'no-grant',
    'module.procedures',
    'a reader without a grant gets no page, no live row and no private table',
    async (server) => {
      const stream = newStream();
      const { database } = await reader(server, stream);
      await append(database, stream);
      const stranger = await server.caller();
      const client = await database.connect({ token: stranger.token });
      equal(await opened(client, stream, 0n, 10), undefined, 'the page');
      equal((await database.sql('SELECT * FROM entry', stranger.token)).status, 400, 'SQL on the log');
    },
  ],
  [
    'page-then-live',
    'module.visibility',
    'appends that race with the opening come exactly once, in a page or live',
    async (server) => {
      const stream = newStream();
      const { database, client } = await reader(server, stream);
      const writer = await database.connect({ token: database.owner.token });
      const total = 40;
      const args = encoded([t.string(), stream], [t.string(), 'x']);
      for (let index = 0; index < total; index += 1) {
        writer.send(clientMessage.reducer(index, 'append', args));
        if (index === total / 2)
          client.send(
            clientMessage.procedure(2, 'open_stream', encoded([t.string(), stream], [t.u64(), 0n], [t.u32(), 500])),
          );
      }
      const { result } = await client.next('ProcedureResult');
      check(result instanceof Uint8Array, 'the procedure failed');
      const bytes = new BinaryReader(result);
      bytes.readU64();
      const seen = Array.from({ length: bytes.readU32() }, () => bytes.readU64());
      while (seen.length < total) seen.push(...numbers((await client.next('TransactionUpdate')).sets));
      equal(
        seen.sort((a, b) => Number(a - b)),
        Array.from({ length: total }, (_, index) => BigInt(index + 1)),
        'numbers',
      );
    },
  ],
  [
    'apart',
    'module.visibility',
    'two readers never see the inbox of the other, also after a new connection',
    async (server) => {
      const [mine, theirs] = [newStream(), newStream()];
      const one = await reader(server, mine);
      const other = await reader(server, theirs);
      await opened(one.client, mine, 0n, 10);
      await opened(other.client, theirs, 0n, 10);
      await append(one.database, mine);
      await append(one.database, theirs);
      await append(one.database, theirs);
      equal(numbers((await one.client.next('TransactionUpdate')).sets), [1n], 'of one');
      equal(numbers((await other.client.next('TransactionUpdate')).sets), [1n], 'of the other');
      one.client.close();
      const again = await reader(server, mine, one.caller);
      await opened(again.client, mine, 1n, 10);
      await append(one.database, theirs);
      await append(one.database, mine);
      equal(numbers((await again.client.next('TransactionUpdate')).sets), [2n], 'of one, connected again');
    },
  ],
  [
    'two-connections',
    'module.visibility',
    'two connections of one identity get each row once',
    async (server) => {
      const stream = newStream();
      const one = await reader(server, stream);
      const two = await reader(server, stream, one.caller);
      await opened(one.client, stream, 0n, 10);
      await opened(two.client, stream, 0n, 10);
      await append(one.database, stream);
      await append(one.database, stream);
      for (const { client } of [one, two]) {
        equal(numbers((await client.next('TransactionUpdate')).sets), [1n], 'the first');
        equal(numbers((await client.next('TransactionUpdate')).sets), [2n], 'the second');
      }
    },
  ],
  [
    'revoked',
    'module.visibility',
    'a revoked grant ends the live rows at once',
    async (server) => {
      const stream = newStream();
      const { database, caller, client } = await reader(server, stream);
      await opened(client, stream, 0n, 10);
      await append(database, stream);
      equal(numbers((await client.next('TransactionUpdate')).sets), [1n], 'before');
      await database.commit('revoke', [[`0x${caller.identity}`], stream]);
      await append(database, stream);
      equal(await opened(client, stream, 0n, 10), undefined, 'a page after it');
      client.send(clientMessage.oneOff(9, 'SELECT * FROM live_inbox'));
      await client.next('OneOffQueryResult');
      equal(client.seen, [], 'messages besides');
    },
  ],
  [
    'owner-bypass',
    'module.visibility',
    'the owner sees the inbox of everybody',
    async (server) => {
      const stream = newStream();
      const { database, client } = await reader(server, stream);
      await opened(client, stream, 0n, 10);
      const owner = await database.connect({ token: database.owner.token });
      owner.send(clientMessage.subscribe(1, 1, `SELECT * FROM live_inbox WHERE stream_id = '${stream}'`));
      await owner.next('SubscribeApplied');
      await append(database, stream);
      equal(numbers((await owner.next('TransactionUpdate')).sets), [1n], 'numbers');
    },
  ],
]);
