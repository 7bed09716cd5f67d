import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { loadServerKey } from '../src/auth/server-key.ts';
import { Tokens } from '../src/auth/tokens.ts';
import { type EmbeddedHost, startEmbedded } from '../src/start-embedded.ts';
import { bundleFixture } from './support/bundle.ts';
import { type Connected, type ConnectOptions, connectOfficial } from './support/official-client.ts';

// The judge: the client from npm against the whole host, with a real module on a real socket.

let module: Uint8Array;
let dataDir: string;
let host: EmbeddedHost;
let open: Connected[];
const errors: unknown[] = [];

beforeAll(async () => {
  module = await bundleFixture('inbox.ts');
});

beforeEach(async () => {
  open = [];
  dataDir = mkdtempSync(join(tmpdir(), 'embedded-official-'));
  await start();
});

afterEach(async () => {
  for (const { db } of open) db.disconnect();
  await host.close();
  rmSync(dataDir, { recursive: true });
  expect(errors).toEqual([]);
});

async function start(withModule: Uint8Array | undefined = module, directory = dataDir): Promise<void> {
  host = await startEmbedded({
    ...(withModule === undefined ? {} : { module: withModule }),
    database: 'test-db',
    listen: '127.0.0.1:0',
    dataDir: directory,
    onError: (error) => errors.push(error),
  });
}

async function connect(options: ConnectOptions = {}): Promise<Connected> {
  const connected = await connectOfficial(host.url, options);
  open.push(connected);
  return connected;
}

const auth = (token = host.ownerToken) => ({ authorization: `Bearer ${token}` });
const sql = async (statement: string, token: string | undefined): Promise<string> => {
  const headers = auth(token);
  const response = await fetch(`${host.url}/v1/database/test-db/sql`, { method: 'POST', headers, body: statement });
  const body = await response.text();
  return /"rows":(.*),"total_duration_micros"/.exec(body)?.[1] ?? body;
};

describe('the official client', () => {
  test('O1 connects, subscribes, calls a reducer and sees the rows of itself and of others', async () => {
    const one = await connect();
    const other = await connect({ compression: 'none', confirmed: false });
    await one.subscribe('SELECT * FROM player');
    await other.subscribe("SELECT * FROM player WHERE team = 'red'");
    const seenByOther = new Promise((resolve) => other.db.db.player.onInsert((_context, row) => resolve(row)));
    await one.db.reducers.addPlayer({ id: 1, team: 'red', score: -5n });
    await one.db.reducers.addPlayer({ id: 2, team: 'blue', score: 7n });
    expect([...one.db.db.player.iter()]).toEqual([
      { id: 1, team: 'red', score: -5n },
      { id: 2, team: 'blue', score: 7n },
    ]);
    expect(await seenByOther).toEqual({ id: 1, team: 'red', score: -5n });
    expect([...other.db.db.player.iter()]).toHaveLength(1);
  });

  test('O2 takes a compressed snapshot of many rows, after a restart of the host, with the same token', async () => {
    const writer = await connect();
    const added = Array.from({ length: 200 }, (_, id) =>
      writer.db.reducers.addPlayer({ id, team: 'a longer name', score: 0n }),
    );
    await Promise.all(added);
    await host.close();
    await writer.closed;
    // The stored module and key are enough.
    await start(undefined);
    const reader = await connect({ token: writer.token });
    expect(reader.identity.toHexString()).toBe(writer.identity.toHexString());
    await reader.subscribe('SELECT * FROM player');
    expect(Number(reader.db.db.player.count())).toBe(200);
    expect(JSON.parse(await sql('SELECT COUNT(*) AS n FROM visit', reader.token))).toEqual([[2]]);
  });

  test('O3 gets the message of a SenderError, the error of a bad query and the value of a procedure', async () => {
    const { db, subscribe } = await connect();
    await expect(db.reducers.refuse({})).rejects.toThrow('not today');
    await expect(subscribe('SELECT * FROM secret')).rejects.toThrow('no such table');
    await subscribe('SELECT * FROM player');
    const inserted = new Promise((resolve) => db.db.player.onInsert((_context, row) => resolve(row)));
    expect(await db.procedures.total({ bonus: 42n })).toBe(42n);
    expect(await inserted).toEqual({ id: 999, team: 'procedure', score: 42n });
  });

  test('O4 two identities never see each other: events, rows, views, one-off over HTTP', async () => {
    const alice = await connect();
    const bob = await connect();
    const seen: string[] = [];
    alice.db.db.liveInbox.onInsert((_context, row) => seen.push(`alice got ${row.streamId}`));
    bob.db.db.liveInbox.onInsert((_context, row) => seen.push(`bob got ${row.streamId}`));
    for (const { subscribe } of [alice, bob]) {
      await subscribe('SELECT * FROM live_inbox', 'SELECT * FROM note', 'SELECT * FROM secrets');
    }
    const before = host.evaluations;
    await alice.db.reducers.say({ recipient: bob.identity, streamId: 'to bob', seq: 1n });
    expect(host.evaluations).toBe(before + 1);
    await alice.db.reducers.writeNote({ recipient: bob.identity, text: 'for bob' });
    await bob.db.reducers.say({ recipient: alice.identity, streamId: 'to alice', seq: 1n });
    // A call of one's own is answered after everything that was committed before it.
    await alice.db.reducers.addPlayer({ id: 1, team: 't', score: 0n });
    await bob.db.reducers.addPlayer({ id: 2, team: 't', score: 0n });
    expect(seen.sort()).toEqual(['alice got to alice', 'bob got to bob']);
    expect([...alice.db.db.note.iter()]).toEqual([]);
    expect([...bob.db.db.note.iter()].map((row) => row.text)).toEqual(['for bob']);
    expect([...alice.db.db.secrets.iter()]).toEqual([]);
    expect([...bob.db.db.secrets.iter()]).toEqual([{ id: 1 }]);
    expect(await sql('SELECT text FROM note', alice.token)).toBe('[]');
    expect(await sql('SELECT text FROM note', bob.token)).toBe('[["for bob"]]');
    expect(await sql('SELECT * FROM secrets', bob.token)).toBe('[[1]]');
    expect(await sql('SELECT text FROM note', host.ownerToken)).toBe('[["for bob"]]');
  });

  test('O5 a connect that the module refuses is a broken socket, and over HTTP a 403 with the reason', async () => {
    const key = loadServerKey(join(dataDir, 'server-key.pem'));
    const tokens = new Tokens(key, systemPorts, () => Promise.reject(new Error('unused')));
    const payload = JSON.stringify({ iss: 'localhost', sub: 'x', scope: 'none', iat: 1 });
    const { token } = tokens.websocketToken({ ...tokens.mint().claims, payload });
    await expect(connectOfficial(host.url, { token })).rejects.toThrow('WebSocket error');
    const response = await fetch(`${host.url}/v1/database/test-db/call/refuse`, {
      method: 'POST',
      headers: { ...auth(token), 'content-type': 'application/json' },
      body: '[]',
    });
    expect([response.status, await response.text()]).toEqual([403, 'no entry']);
  });

  test('O6 the owner updates the module: clients are closed, rows stay, new code runs; a bad module changes nothing', async () => {
    const before = await connect();
    await before.db.reducers.addPlayer({ id: 1, team: 'red', score: 1n });
    const put = async (body: Uint8Array, token = host.ownerToken) => {
      const url = `${host.url}/v1/database/test-db?host_type=Js`;
      const response = await fetch(url, { method: 'PUT', headers: auth(token), body: Uint8Array.from(body) });
      return { status: response.status, body: await response.text() };
    };
    expect((await put(module, before.token)).status).toBe(401);
    expect(JSON.parse((await put(module)).body)).toEqual({
      Success: { domain: 'test-db', database_identity: { __identity__: `0x${host.identity}` }, op: 'updated' },
    });
    expect(host.connections).toBe(1);
    expect(await put(new TextEncoder().encode('export default 1;'))).toMatchObject({
      status: 400,
      body: expect.stringContaining('Database update rejected'),
    });
    const again = await connect();
    expect([...(await rowsOf(again))]).toHaveLength(1);
    const more =
      "import s from './inbox.ts'; export const twice = s.reducer((ctx) => void ctx.db.player.insert({ id: 2, team: 'new', score: 2n }));";
    expect((await put(await bundleFixture('inbox.ts', more))).status).toBe(200);
    await again.closed;
    const response = await fetch(`${host.url}/v1/database/test-db/call/twice`, {
      method: 'POST',
      headers: { ...auth(), 'content-type': 'application/json' },
      body: '[]',
    });
    expect(response.status).toBe(200);
    expect([...(await rowsOf(await connect()))].map((row) => row.id)).toEqual([1, 2]);
  });

  test('O7 the log of the module is the owner’s to read', async () => {
    const call = { method: 'POST', headers: { ...auth(), 'content-type': 'application/json' }, body: '[7]' };
    expect((await fetch(`${host.url}/v1/database/test-db/call/hide`, call)).status).toBe(200);
    const logs = await fetch(`${host.url}/v1/database/test-db/logs?num_lines=1`, { headers: auth() });
    expect(logs.headers.get('content-type')).toBe('application/x-ndjson');
    const line = { level: 'Warn', ts: expect.any(Number), message: 'hidden 7' };
    expect(JSON.parse(await logs.text())).toEqual(line);
    const { token } = await connect();
    expect((await fetch(`${host.url}/v1/database/test-db/logs`, { headers: auth(token) })).status).toBe(401);
  });

  test('E13 the host keeps what it writes for its user alone', async () => {
    await host.close();
    const names = ['.', 'database', 'module.js', 'owner.token', 'server-key.pem'];
    const made = join(dataDir, 'made');
    const mask = process.umask(0);
    try {
      await start(module, made);
    } finally {
      process.umask(mask);
    }
    expect(readdirSync(made).sort()).toEqual(names.slice(1));
    const modes = names.map((name) => (statSync(join(made, name)).mode & 0o777).toString(8));
    expect(modes).toEqual(['700', '700', '600', '600', '600']);
  });

  test('O7 the schema of the module is given as the module describes it', async () => {
    const response = await fetch(`${host.url}/v1/database/test-db/schema?version=10`);
    const { sections } = JSON.parse(await response.text());
    const names = (section: string) =>
      sections
        .flatMap((entry: Record<string, { source_name: string }[]>) => entry[section] ?? [])
        .map((entry: { source_name: string }) => entry.source_name);
    expect(names('Tables')).toEqual(['player', 'team', 'secret', 'note', 'liveInbox', 'visit']);
    expect(names('Procedures')).toEqual(['total']);
    expect(readFileSync(join(dataDir, 'module.js')).equals(module)).toBe(true);
  });
});

async function rowsOf(connected: Connected) {
  await connected.subscribe('SELECT * FROM player');
  return connected.db.db.player.iter();
}
