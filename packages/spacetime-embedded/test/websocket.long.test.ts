import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { AlgebraicType, Identity, t } from 'spacetimedb';
import { clientMessage } from '../src/conformance/client-message.ts';
import { defaultLimits } from '../src/limits.ts';
import { inboxModule } from './support/inbox-module.ts';
import { testIssuer } from './support/issuer.ts';
import { encode } from './support/memory-database.ts';
import { type MemoryHost, startMemoryHost } from './support/memory-host.ts';
import { RawClient, type RawOptions } from './support/raw-client.ts';

let host: MemoryHost;
let clients: RawClient[];

beforeEach(async () => {
  clients = [];
  host = await startMemoryHost();
});

afterEach(async () => {
  for (const client of clients) client.close();
  await host.close();
  expect(host.errors).toEqual([]);
});

async function restart(...options: Parameters<typeof startMemoryHost>): Promise<void> {
  await host.close();
  host = await startMemoryHost(...options);
}

function dial(options?: RawOptions): RawClient {
  const client = new RawClient(host.url, options);
  clients.push(client);
  return client;
}

async function connect(options?: RawOptions) {
  const client = dial(options);
  return Object.assign(client, { initial: await client.next('InitialConnection') });
}

const playerType = t.row('p', inboxModule.tables.player?.columns as never).algebraicType as AlgebraicType;
const playerArgs = (id: number, team = 'red') => encode(playerType, { id, team, score: 0n });
const add = (request: number, id: number, team?: string) =>
  clientMessage.reducer(request, 'add_player', playerArgs(id, team));
const sayType = AlgebraicType.Product({
  elements: [
    { name: 'recipient', algebraicType: Identity.getAlgebraicType() },
    { name: 'stream_id', algebraicType: AlgebraicType.String },
    { name: 'seq', algebraicType: AlgebraicType.U64 },
  ],
});
const say = (request: number, to: string, seq: bigint) =>
  clientMessage.reducer(
    request,
    'say',
    encode(sayType, { recipient: new Identity(BigInt(`0x${to}`)), stream_id: 's', seq }),
  );

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('the upgrade', () => {
  test('W1 InitialConnection comes first and names the client; an anonymous one gets a token to come back with', async () => {
    const first = await connect();
    expect(first.initial.identity).toMatch(/^c200/);
    const again = await connect({ token: first.initial.token });
    expect(again.initial).toMatchObject({ identity: first.initial.identity, token: first.initial.token });
    expect(again.initial.connectionId).not.toBe(first.initial.connectionId);
  });

  test.each([
    [['v2.bsatn.spacetimedb', 'v3.bsatn.spacetimedb'], 'v3.bsatn.spacetimedb'],
    [['v2.bsatn.spacetimedb'], 'v2.bsatn.spacetimedb'],
    [['v1.bsatn.spacetimedb', 'v2.bsatn.spacetimedb'], 'v2.bsatn.spacetimedb'],
  ])('W2 offered %j, %s is spoken', async (protocols, chosen) => {
    const client = await connect({ protocols });
    expect(client.socket.protocol).toBe(chosen);
  });

  test.each([
    ['v1 alone', { protocols: ['v1.json.spacetimedb'] }, 400, 'no valid protocol'],
    ['no protocol', { protocols: [] }, 400, 'no valid protocol'],
    ['a zero connection id', { query: `connection_id=${'0'.repeat(32)}` }, 400, 'all-zeros'],
    ['a short connection id', { query: 'connection_id=12' }, 400, '32 hex'],
    ['an unknown compression', { query: 'compression=gzip' }, 400, 'compression'],
    ['an unknown confirmed', { query: 'confirmed=1' }, 400, 'confirmed'],
    ['a header that is no bearer token', { token: 'a b' }, 400, 'malformed'],
    ['rubbish for a token', { token: 'rubbish' }, 401, 'Authorization is invalid'],
  ] as [string, RawOptions, number, string][])('W2 %s is refused', async (_name, options, status, text) => {
    expect(await dial(options).refused).toEqual({ status, body: expect.stringContaining(text) });
  });

  test('W2 a connection id may be given, but not one that is in use', async () => {
    const id = '0123456789abcdef0123456789abcdef';
    const client = await connect({ query: `connection_id=${id}` });
    expect(client.initial.connectionId).toBe(id);
    expect(await dial({ query: `connection_id=${id}` }).refused).toMatchObject({ status: 400 });
  });

  test('W3 tokens of an issuer: good ones get in by header or query, forged, expired and of an unknown key do not', async () => {
    const ports = manualPorts();
    const issuer = await testIssuer(() => ports.clock.now());
    await restart({ ports, http: issuer.http });
    const good = await issuer.sign();
    await connect({ token: good });
    await connect({ query: `compression=None&token=${good}` });
    // The header wins.
    await connect({ token: good, query: 'token=rubbish' });
    const [header, payload] = good.split('.');
    const seconds = Math.floor(ports.clock.now() / 1000);
    const bad = [
      `${header}.${payload}.${'A'.repeat(86)}`,
      await issuer.sign({ exp: seconds - 61 }),
      await issuer.sign({}, { kid: 'unknown' }),
      await (await testIssuer(() => ports.clock.now())).sign(),
    ];
    for (const token of bad) expect(await dial({ token }).refused).toMatchObject({ status: 401 });
  });

  test('W4 a client that the module refuses sees the socket break, and over HTTP the reason', async () => {
    await restart({ spec: { ...inboxModule, onConnect: () => 'no entry' } });
    const client = dial();
    expect(await client.closed).toEqual({ code: 1006, reason: '' });
    expect(client.socket.protocol).toBe('v3.bsatn.spacetimedb');
    expect(client.seen).toEqual([]);
    expect(host.connections).toBe(0);
    const response = await fetch(`${host.url}/v1/database/test-db/sql`, {
      method: 'POST',
      body: 'SELECT * FROM player',
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toBe('no entry');
  });

  test('W4 the module learns that a client is gone', async () => {
    const client = await connect();
    expect([...host.engine.connected]).toEqual([client.initial.connectionId]);
    client.close();
    await client.closed;
    await until(() => host.engine.connected.size === 0);
  });
});

describe('calls and updates', () => {
  test('W5 own changes come inside the result, those of others as an update, and in commit order', async () => {
    const a = await connect();
    const b = await connect();
    a.send(clientMessage.subscribe(1, 1, 'SELECT * FROM player'));
    b.send(clientMessage.subscribe(1, 1, 'SELECT * FROM player'));
    await a.next('SubscribeApplied');
    await b.next('SubscribeApplied');
    a.send(add(2, 1), clientMessage.reducer(3, 'nothing'), add(4, 2));
    const tables = (id: number) => [
      {
        set: 1,
        tables: [{ table: 'player', parts: [{ inserts: [Buffer.from(playerArgs(id)).toString('hex')], deletes: [] }] }],
      },
    ];
    expect(await a.next('ReducerResult')).toMatchObject({ request: 2, result: { ok: tables(1) } });
    expect(await a.next('ReducerResult')).toMatchObject({ request: 3, result: { ok: [] } });
    expect(await a.next('ReducerResult')).toMatchObject({ request: 4, result: { ok: tables(2) } });
    expect((await b.next('TransactionUpdate')).sets).toEqual(tables(1));
    expect((await b.next('TransactionUpdate')).sets).toEqual(tables(2));
    expect(a.seen).toEqual([]);
  });

  test('W5 failures keep their place and say no more than they should', async () => {
    const a = await connect();
    a.send(
      clientMessage.reducer(1, 'refuse'),
      clientMessage.reducer(2, 'break'),
      clientMessage.reducer(3, 'no_such'),
      clientMessage.reducer(4, 'add_player', new Uint8Array(1)),
      clientMessage.procedure(5, 'no_such'),
    );
    expect((await a.next('ReducerResult')).result).toEqual({ error: 'not today' });
    expect((await a.next('ReducerResult')).result).toEqual({ internal: 'The instance encountered a fatal error.' });
    expect((await a.next('ReducerResult')).request).toBe(3);
    expect((await a.next('ReducerResult')).request).toBe(4);
    expect(await a.next('ProcedureResult')).toMatchObject({ request: 5, result: { error: expect.any(String) } });
  });

  test('W6 v3 answers what came in one payload in one payload, v2 each message in its own', async () => {
    const calls = Array.from({ length: 10 }, (_, index) => add(index, index));
    const v3 = await connect();
    v3.send(...calls);
    for (let left = 10; left > 0; left -= 1) await v3.next('ReducerResult');
    expect(v3.payloads).toHaveLength(2);
    const v2 = await connect({ protocols: ['v2.bsatn.spacetimedb'] });
    for (const call of calls) v2.send(call);
    for (let left = 10; left > 0; left -= 1) await v2.next('ReducerResult');
    expect(v2.payloads).toHaveLength(11);
  });

  test.each([
    ['compression=None', 0],
    ['compression=Gzip', 2],
    ['compression=Brotli', 1],
    ['', 1],
  ])('W7 with "%s" a large message has the tag %i', async (query, tag) => {
    host.engine.transact((tx) => {
      for (let id = 0; id < 2000; id += 1) tx.insert('player', id, 'a team', 0n);
    });
    const client = await connect({ query });
    client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM player'));
    const applied = await client.next('SubscribeApplied');
    expect(applied.rows[0]?.rows).toHaveLength(2000);
    expect(client.payloads[0]?.[0]).toBe(0);
    expect(client.payloads[1]?.[0]).toBe(tag);
  });

  test('W8 readers of confirmed data wait for the disk, and what follows waits behind', async () => {
    const reader = await connect();
    const hasty = await connect({ query: 'compression=None&confirmed=false' });
    for (const client of [reader, hasty]) {
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM player'));
      await client.next('SubscribeApplied');
    }
    host.engine.holdDurability = true;
    reader.send(add(2, 1), clientMessage.reducer(3, 'refuse'), clientMessage.subscribe(4, 2, 'SELECT * FROM team'));
    await hasty.next('TransactionUpdate');
    // The hasty one has seen the commit, and a whole round trip later the reader still has nothing.
    hasty.send(clientMessage.oneOff(5, 'SELECT * FROM team'));
    await hasty.next('OneOffQueryResult');
    expect(reader.seen).toEqual([]);
    host.engine.sync();
    expect((await reader.next('ReducerResult')).request).toBe(2);
    expect((await reader.next('ReducerResult')).request).toBe(3);
    expect((await reader.next('SubscribeApplied')).request).toBe(4);
  });

  test('W9 two identities never see each other’s events', async () => {
    const a = await connect();
    const b = await connect();
    for (const client of [a, b]) {
      client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM live_inbox'));
      await client.next('SubscribeApplied');
    }
    a.send(say(2, b.initial.identity, 7n));
    expect((await a.next('ReducerResult')).result).toEqual({ ok: [] });
    const update = await b.next('TransactionUpdate');
    expect(update.sets[0]?.tables[0]?.parts).toEqual([{ events: [expect.stringContaining('0700000000000000')] }]);
    expect(host.evaluations).toBe(1);
    expect(a.seen).toEqual([]);
  });
});

describe('endings', () => {
  test('W10 a query set id in use: 1011', async () => {
    const client = await connect();
    client.send(
      clientMessage.subscribe(1, 1, 'SELECT * FROM player'),
      clientMessage.subscribe(2, 1, 'SELECT * FROM team'),
    );
    expect(await client.closed).toMatchObject({ code: 1011, reason: expect.stringContaining('in use') });
  });

  test('W10 a malformed message: 1011, after what came before it was done', async () => {
    const client = await connect();
    client.send(add(1, 1), Uint8Array.of(99));
    expect(await client.closed).toMatchObject({ code: 1011 });
    expect([...host.engine.rows(host.engine.definition.tables.get('player') as never)]).toHaveLength(1);
    const texting = await connect();
    texting.socket.send('hello');
    expect(await texting.closed).toMatchObject({ code: 1011 });
  });

  test('W10 too many requests waiting: 1013', async () => {
    const client = await connect();
    const flood = Array.from({ length: defaultLimits.inbox + 1 }, (_, index) =>
      clientMessage.reducer(index, 'nothing'),
    );
    client.send(...flood);
    expect(await client.closed).toMatchObject({ code: 1013 });
  });

  test('W10 a client that is too slow is dropped without a word', async () => {
    const client = await connect();
    client.send(clientMessage.subscribe(1, 1, 'SELECT * FROM live_inbox'));
    await client.next('SubscribeApplied');
    host.engine.holdDurability = true;
    const me = new Identity(BigInt(`0x${client.initial.identity}`));
    for (let sent = 0; sent <= defaultLimits.outbox; sent += 1)
      host.engine.transact((tx) => tx.insert('live_inbox', me, 's', 1n));
    expect(host.connections).toBe(0);
    expect(await client.closed).toEqual({ code: 1006, reason: '' });
    expect(client.seen).toEqual([]);
  });

  test('W10 a message beyond 32 MiB, as whatever breaks the rules of websockets, is dropped without a word', async () => {
    const client = await connect();
    client.socket.send(new Uint8Array(defaultLimits.messageBytes + 1));
    expect(await client.closed).toEqual({ code: 1006, reason: '' });
    await until(() => host.connections === 0);
  });

  test('W14 limits are those that the host was given', async () => {
    await restart({ limits: { inbox: 100, outbox: 3, messageBytes: 2000 } });
    const flooding = await connect();
    flooding.send(...Array.from({ length: 101 }, () => clientMessage.unsubscribe(1, 1)));
    expect(await flooding.closed).toMatchObject({ code: 1013 });
    const slow = await connect();
    slow.send(clientMessage.subscribe(1, 1, 'SELECT * FROM live_inbox'));
    await slow.next('SubscribeApplied');
    host.engine.holdDurability = true;
    const me = new Identity(BigInt(`0x${slow.initial.identity}`));
    for (let sent = 0; sent < 4; sent += 1) host.engine.transact((tx) => tx.insert('live_inbox', me, 's', 1n));
    expect(await slow.closed).toEqual({ code: 1006, reason: '' });
    const long = await connect();
    long.socket.send(new Uint8Array(2001));
    expect((await long.closed).code).toBe(1006);
    await until(() => host.connections === 0);
  });

  test('W11 a host that closes says 1001', async () => {
    const client = await connect();
    await host.close();
    expect(await client.closed).toEqual({ code: 1001, reason: 'module exited' });
  });

  test('W11 a client that does not answer a close is dropped after 250 ms', async () => {
    const ports = manualPorts();
    await restart({ ports });
    const stream = connectTcp(host.port, '127.0.0.1');
    let got = Buffer.alloc(0);
    stream.on('data', (data) => {
      got = Buffer.concat([got, data]);
    });
    const closed = once(stream, 'close');
    stream.write(
      'GET /v1/database/test-db/subscribe?compression=None HTTP/1.1\r\nHost: host\r\nUpgrade: websocket\r\n' +
        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n' +
        'Sec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\n\r\n',
    );
    await until(() => host.connections === 1);
    host.faults.closeConnections();
    await until(() => got.includes('module exited'));
    ports.advance(249);
    // A round trip of somebody else: by then the end would have come too.
    const other = await connect();
    other.send(clientMessage.oneOff(1, 'SELECT * FROM player'));
    await other.next('OneOffQueryResult');
    expect(stream.closed).toBe(false);
    ports.advance(1);
    await closed;
  });

  test('W12 a client that answers pings lives, one that does not is dropped after 30 s', async () => {
    const { pingInterval, idleTimeout } = defaultLimits;
    const ports = manualPorts();
    await restart({ ports });
    const alive = await connect();
    const dead = await connect({ autoPong: false });
    const pings = { alive: 0, dead: 0 };
    alive.socket.on('ping', () => {
      pings.alive += 1;
    });
    dead.socket.on('ping', () => {
      pings.dead += 1;
    });
    for (let round = 1; round <= 3; round += 1) {
      ports.advance(round === 1 ? pingInterval : pingInterval - 1);
      await until(() => pings.alive > 0);
      // A round trip: by then the pong has arrived too.
      alive.send(clientMessage.oneOff(round, 'SELECT * FROM player'));
      await alive.next('OneOffQueryResult');
    }
    expect(3 * pingInterval).toBeGreaterThan(idleTimeout);
    expect(await dead.closed).toEqual({ code: 1006, reason: '' });
    expect(pings.dead).toBe(1);
    expect(host.connections).toBe(1);
  });
});

describe('faults on purpose', () => {
  test('W13 drop, close, stall, reject, refuse, v2 only, forced compression', async () => {
    const a = await connect();
    expect(host.faults.dropConnections()).toBe(1);
    expect(await a.closed).toEqual({ code: 1006, reason: '' });
    const b = await connect();
    expect(host.faults.closeConnections()).toBe(1);
    expect(await b.closed).toEqual({ code: 1001, reason: 'module exited' });
    host.faults.rejectConnects = true;
    expect(await dial().closed).toEqual({ code: 1006, reason: '' });
    host.faults.rejectConnects = false;
    host.faults.refuseUpgrades = true;
    expect(await dial().refused).toMatchObject({ status: 503 });
    host.faults.refuseUpgrades = false;
    host.faults.onlyV2 = true;
    expect(await dial().refused).toMatchObject({ status: 400 });
    const v2 = await connect({ protocols: ['v3.bsatn.spacetimedb', 'v2.bsatn.spacetimedb'] });
    expect(v2.socket.protocol).toBe('v2.bsatn.spacetimedb');
    host.faults.onlyV2 = false;
    host.faults.forceCompression = 'Gzip';
    host.engine.transact((tx) => {
      for (let id = 0; id < 500; id += 1) tx.insert('player', id, 'a team', 0n);
    });
    const c = await connect({ query: 'compression=None' });
    c.send(clientMessage.subscribe(1, 1, 'SELECT * FROM player'));
    await c.next('SubscribeApplied');
    expect(c.payloads.at(-1)?.[0]).toBe(2);
  });

  test('W13 a stalled connection neither reads nor writes, then goes on where it was', async () => {
    const ports = manualPorts();
    await restart({ ports });
    const a = await connect();
    a.send(clientMessage.subscribe(1, 1, 'SELECT * FROM player'));
    await a.next('SubscribeApplied');
    host.faults.stall(5000);
    host.engine.transact((tx) => tx.insert('player', 1, 'red', 0n));
    a.send(add(2, 2));
    const b = await connect();
    b.send(clientMessage.oneOff(1, 'SELECT * FROM player'));
    expect((await b.next('OneOffQueryResult')).result).toMatchObject([{ rows: [expect.any(String)] }]);
    expect(a.seen).toEqual([]);
    ports.advance(5000);
    await a.next('TransactionUpdate');
    expect((await a.next('ReducerResult')).request).toBe(2);
  });
});
