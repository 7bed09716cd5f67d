import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { waitFor } from '@autopilot/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ConnectionId, Identity, ScheduleAt, TimeDuration, Timestamp, Uuid } from 'spacetimedb';
import { ownerFor } from '../src/conformance/owner.ts';
import { ServerUnderTest } from '../src/conformance/server-under-test.ts';
import { type EmbeddedHost, startEmbedded } from '../src/start-embedded.ts';
import { connectTo, type OfficialConnection } from './support/official-modules.ts';

let host: EmbeddedHost;
let server: ServerUnderTest;
const connections: OfficialConnection[] = [];

beforeAll(async () => {
  host = await startEmbedded({ database: 'none', listen: '127.0.0.1:0', anybodyMayPublish: true });
  server = new ServerUnderTest(host.url, 'official', await ownerFor(host.url, undefined), systemPorts);
});

afterEach(() => {
  for (const connection of connections.splice(0)) connection.disconnect();
});

afterAll(async () => {
  await host.close();
});

async function connected(module: 'types' | 'events' | 'views', token?: string) {
  const { name } = await server.database(module);
  const connection = await connectTo(host.url, name, module, token);
  connections.push(connection);
  return connection;
}

describe('the official client with modules of every kind', () => {
  test('O8 a row of every column type goes to a reducer, into the cache, and through a procedure', async () => {
    const row = {
      id: 7,
      flag: true,
      unsigned8: 255,
      unsigned16: 65_535,
      unsigned32: 4_294_967_295,
      unsigned64: 2n ** 64n - 1n,
      unsigned128: 2n ** 128n - 1n,
      unsigned256: 2n ** 256n - 1n,
      signed8: -128,
      signed16: -32_768,
      signed32: -2_147_483_648,
      signed64: -(2n ** 63n),
      signed128: -(2n ** 127n),
      signed256: -(2n ** 255n),
      float32: 1.5,
      float64: -0.1,
      text: 'é😀',
      bytes: Uint8Array.of(0, 255),
      identity: new Identity(5n),
      connection: new ConnectionId(6n),
      moment: new Timestamp(-7n),
      span: new TimeDuration(8n),
      uuid: new Uuid(9n),
      maybeText: undefined,
      numbers: [1, -2],
      points: [{ x: 1, yAxis: 2 }],
      point: { x: 3, yAxis: 4 },
      shade: { tag: 'namedOne', value: 'x' },
      level: { tag: 'high', value: {} },
      maybePoint: { x: 5, yAxis: 6 },
      at: ScheduleAt.time(10n),
    };
    const client = await connected('types');
    await client.subscribe('SELECT * FROM every');
    await client.reducers.put?.({ row });
    const [cached] = [...(client.db.every?.iter() ?? [])];
    expect(Object.keys(cached ?? {})).toEqual(Object.keys(row));
    expect(JSON.stringify(cached, plain)).toBe(JSON.stringify(row, plain));
    expect(JSON.stringify(await client.procedures.giveBack?.({ row }), plain)).toBe(JSON.stringify(row, plain));
  });

  test('O9 an event comes once to whoever is subscribed, and is in no cache', async () => {
    const [one, other] = [await connected('events'), await connected('events')];
    const seen: unknown[] = [];
    for (const client of [one, other]) {
      client.db.shout?.onInsert((_context, row) => seen.push(row.text));
      await client.subscribe('SELECT * FROM shout');
    }
    await one.reducers.call?.({ text: 'hello', topic: 'o9' });
    await waitFor(() => seen.length === 2, { describe: 'the first event' });
    const late = await connected('events');
    await late.subscribe('SELECT * FROM shout');
    await late.reducers.call?.({ text: 'bye', topic: 'o9' });
    await waitFor(() => seen.length === 4, { describe: 'the second event' });
    expect(seen).toEqual(['hello', 'hello', 'bye', 'bye']);
    expect([one, other, late].map(({ db }) => db.shout?.count())).toEqual([0n, 0n, 0n]);
  });

  test('O10 views follow their tables, for everybody, per sender and of a query', async () => {
    const client = await connected('views');
    await client.subscribe('SELECT * FROM red_players', 'SELECT * FROM blue_players', 'SELECT * FROM my_purse');
    await client.reducers.put?.({ id: 1, team: 'red', score: 5n });
    await client.reducers.put?.({ id: 2, team: 'blue', score: 6n });
    await client.reducers.fill?.({ coins: 3 });
    const other = await connected('views');
    await other.reducers.fill?.({ coins: 9 });
    await other.reducers.put?.({ id: 1, team: 'blue', score: 5n });
    await waitFor(() => client.db.redPlayers?.count() === 0n, { describe: 'the row to leave the view' });
    const ids = (name: string) => [...(client.db[name]?.iter() ?? [])].map(({ id }) => id).sort();
    expect([ids('redPlayers'), ids('bluePlayers')]).toEqual([[], [1, 2]]);
    expect([...(client.db.myPurse?.iter() ?? [])].map(({ coins }) => coins)).toEqual([3]);
  });
});

function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
