import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { t } from 'spacetimedb';
import { inboxModule } from './support/inbox-module.ts';
import { type MemoryHost, startMemoryHost } from './support/memory-host.ts';

let host: MemoryHost;
let owner: { identity: string; token: string };
let caller: { identity: string; token: string };

const spec = {
  ...inboxModule,
  tables: {
    ...inboxModule.tables,
    big: { columns: { id: t.u64(), maybe: t.option(t.string()), data: t.byteArray() } },
  },
  reducers: {
    ...inboxModule.reducers,
    add_big: {
      params: { id: t.u64(), maybe: t.option(t.string()), data: t.byteArray() },
      run: (
        tx: { insert(table: string, ...values: readonly unknown[]): void },
        _caller: unknown,
        args: readonly unknown[],
      ) => tx.insert('big', ...args),
    },
  },
} as typeof inboxModule;

beforeAll(async () => {
  host = await startMemoryHost({ spec });
  caller = JSON.parse((await request('POST', '/v1/identity')).body);
});

afterAll(async () => {
  await host.close();
  expect(host.errors).toEqual([]);
});

async function request(method: string, path: string, options: { token?: string; body?: string; type?: string } = {}) {
  const { token, body, type = 'application/json' } = options;
  const response = await fetch(host.url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

const db = '/v1/database/test-db';
const call = (name: string, body: string, token = caller.token) =>
  request('POST', `${db}/call/${name}`, { token, body });
const sql = async (statement: string, token = caller.token) => {
  const { status, body } = await request('POST', `${db}/sql`, { token, body: statement });
  return { status, body, rows: status === 200 ? body.match(/"rows":(.*),"total_duration_micros"/)?.[1] : undefined };
};

describe('identities', () => {
  test('H1 an anonymous caller is told who it is, and a token brings the same identity back', async () => {
    const first = await request('GET', db);
    const identity = first.headers.get('spacetime-identity');
    const token = first.headers.get('spacetime-identity-token') ?? '';
    const again = await request('GET', db, { token });
    expect(again.headers.get('spacetime-identity')).toBe(identity);
    expect((await request('GET', `/v1/identity/${identity}/verify`, { token })).status).toBe(204);
    expect((await request('GET', `/v1/identity/${caller.identity}/verify`, { token })).status).toBe(400);
    expect((await request('GET', `/v1/identity/${identity}/verify`)).status).toBe(401);
  });

  test('H1 the public key verifies what the host signs', async () => {
    const { headers, body } = await request('GET', '/v1/identity/public-key');
    expect(headers.get('content-type')).toBe('application/pem-certificate-chain');
    expect(body).toMatch(/^-----BEGIN PUBLIC KEY-----/);
  });

  test('H1 a websocket token needs a token, and a bad one is refused everywhere', async () => {
    expect((await request('POST', '/v1/identity/websocket-token')).status).toBe(401);
    const made = await request('POST', '/v1/identity/websocket-token', { token: caller.token });
    expect(Object.keys(JSON.parse(made.body))).toEqual(['token']);
    for (const path of ['/v1/ping', db, `${db}/identity`]) {
      expect((await request('GET', path, { token: 'rubbish' })).status).toBe(401);
    }
  });
});

describe('the database', () => {
  test('H2 is found by name and by identity', async () => {
    for (const name of ['test-db', host.identity]) {
      expect((await request('GET', `/v1/database/${name}/identity`)).body).toBe(host.engine.identity);
    }
    const info = JSON.parse((await request('GET', db)).body);
    expect(info).toEqual({
      database_identity: { __identity__: `0x${host.engine.identity}` },
      owner_identity: { __identity__: `0x${host.owner}` },
      host_type: { Js: [] },
      initial_program: host.engine.definition.moduleHash,
    });
    for (const path of ['/v1/database/other', '/v1/database/other/schema?version=10']) {
      expect((await request('GET', path)).status).toBe(404);
    }
  });

  test('H2 its health has the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    const { body } = await request('GET', '/v1/health');
    expect(JSON.parse(body)).toEqual({ name: 'spacetime-embedded', version, nodes: 1, schedulable: true });
  });

  test.each([
    ['GET', '/v1/nothing', 404],
    ['DELETE', '/v1/ping', 405],
    ['GET', '/v1/ping', 200],
    ['GET', '/v1/health', 200],
    ['GET', `${db}/subscribe`, 426],
    ['GET', `${db}/schema`, 400],
    ['GET', `${db}/schema?version=8`, 400],
    ['GET', `${db}/logs`, 401],
    ['GET', '/v1/database/%E0%A4%A', 400],
  ])('H2 %s %s answers %i', async (method, path, status) => {
    expect((await request(method, path)).status).toBe(status);
  });

  test('H2 answers a preflight of any origin', async () => {
    const { status, headers } = await request('OPTIONS', `${db}/sql`);
    expect(status).toBe(200);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-headers')).toContain('authorization');
  });

  test('H2 logs are the owner’s', async () => {
    expect((await request('GET', `${db}/logs`, { token: caller.token })).status).toBe(401);
    const own = await startMemoryHost({ owner: caller.identity, http: () => Promise.reject(new Error('unused')) });
    try {
      own.engine.lines.push({ ts: 1n, level: 'info', message: 'a "line"' }, { ts: 2n, level: 'warn', message: 'b' });
      // The other host signs with another key: it does not know this caller.
      const response = await fetch(`${own.url}${db}/logs`, { headers: { authorization: `Bearer ${caller.token}` } });
      expect(response.status).toBe(401);
    } finally {
      await own.close();
    }
  });
});

describe('calls', () => {
  test('H3 a reducer runs as a client that connects and leaves', async () => {
    const before = host.engine.offset;
    const { status, body, headers } = await call('add_player', '[1, "red", -5]');
    expect([status, body]).toEqual([200, '']);
    expect(headers.get('spacetime-execution-duration-micros')).toMatch(/^\d+$/);
    expect(headers.get('spacetime-identity')).toBe(caller.identity);
    expect(host.engine.offset).toBe(before + 1n);
    expect(host.engine.connected.size).toBe(0);
    expect((await call('add_player', '{"id": 2, "team": "blue", "score": 7}')).status).toBe(200);
    expect((await sql('SELECT * FROM player')).rows).toBe('[[1,"red",-5],[2,"blue",7]]');
  });

  test.each([
    ['refuse', '[]', 530, 'not today'],
    ['break', '[]', 530, 'The instance encountered a fatal error.'],
    ['nowhere', '[]', 404, 'nowhere'],
    ['add_player', '[1]', 400, '3 values'],
    ['add_player', '[1, "red", 1.5]', 400, 'an integer'],
    ['add_player', '[-1, "red", 1]', 400, 'U32'],
    ['add_player', '{"id": 1, "team": "red", "score": 1, "more": 1}', 400, 'more'],
    ['add_player', '{"id": 1}', 400, 'team'],
    ['add_player', 'nonsense', 400, 'not JSON'],
  ])('H3 %s %s answers %i', async (name, body, status, text) => {
    const response = await call(name, body);
    expect([response.status, response.body]).toEqual([status, expect.stringContaining(text)]);
  });

  test('H3 wants JSON by its content type, in bounds, and in UTF-8', async () => {
    const path = `${db}/call/add_player`;
    expect((await request('POST', path, { body: '[1, "a", 1]', type: 'text/plain' })).status).toBe(415);
    expect((await call('add_player', ' '.repeat(2 * 1024 * 1024 + 1))).status).toBe(413);
    const response = await fetch(host.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Uint8Array.of(0xff),
    });
    expect(response.status).toBe(400);
  });

  test('H3 integers beyond 2^53, options and bytes survive both ways', async () => {
    for (const body of ['[18446744073709551615, {"some": "x"}, "00ff"]', '[1, [1, []], [1, 2]]']) {
      expect((await call('add_big', body)).status).toBe(200);
    }
    expect((await sql('SELECT * FROM big')).rows).toBe('[[18446744073709551615,[0,"x"],"00ff"],[1,[1,[]],"0102"]]');
    expect((await sql('SELECT id FROM big WHERE id = 18446744073709551615')).rows).toBe('[[18446744073709551615]]');
  });
});

describe('sql', () => {
  test('H4 projections, count, limit and joins', async () => {
    host.engine.transact((tx) => {
      tx.delete('player', () => true);
      tx.insert('player', 1, 'red', 10n);
      tx.insert('player', 2, 'blue', 20n);
      tx.insert('player', 3, 'red', 30n);
      tx.insert('team', 'red', true);
      tx.insert('team', 'blue', false);
    });
    expect((await sql('SELECT score, id AS no FROM player WHERE score >= 20')).rows).toBe('[[20,2],[30,3]]');
    expect((await sql("SELECT COUNT(*) AS n FROM player WHERE team = 'red'")).rows).toBe('[[2]]');
    expect((await sql('SELECT * FROM player LIMIT 1')).rows).toBe('[[1,"red",10]]');
    expect((await sql('SELECT * FROM player LIMIT 0')).rows).toBe('[]');
    const join =
      'SELECT p.id, t.open FROM player AS p JOIN team t ON p.team = t.name WHERE t.open = true AND p.id <> 1';
    expect((await sql(join)).rows).toBe('[[3,true]]');
    expect((await sql('SELECT t.* FROM player p JOIN team t ON t.name = p.team WHERE p.id = 2')).rows).toBe(
      '[["blue",false]]',
    );
    const { body } = await sql('SELECT id AS no FROM player LIMIT 1');
    expect(JSON.parse(body)).toEqual([
      {
        schema: { elements: [{ name: { some: 'no' }, algebraic_type: { U32: [] } }] },
        rows: [[1]],
        total_duration_micros: expect.any(Number),
        stats: { rows_inserted: 0, rows_deleted: 0, rows_updated: 0 },
      },
    ]);
  });

  test('H4 a private table does not exist, and rows of others are not there', async () => {
    host.engine.transact((tx) => tx.insert('secret', 5));
    expect(await sql('SELECT * FROM secret')).toMatchObject({
      status: 400,
      body: expect.stringContaining('no such table'),
    });
    const other = JSON.parse((await request('POST', '/v1/identity')).body);
    await call('write_note', `[["0x${other.identity}"], "for the other"]`);
    for (const statement of [
      'SELECT * FROM note',
      'SELECT text FROM note',
      'SELECT n.text FROM note n JOIN note m ON n.recipient = m.recipient',
      "SELECT * FROM note WHERE text = 'for the other' OR recipient = :sender",
    ]) {
      expect((await sql(statement)).rows).toBe('[]');
      expect((await sql(statement, other.token)).rows).toContain('for the other');
    }
    expect((await sql('SELECT COUNT(*) AS n FROM note')).rows).toBe('[[0]]');
  });

  test.each([
    'DELETE FROM player',
    "INSERT INTO team (name) VALUES ('x')",
    'UPDATE player SET id = 1',
    'SELECT * FROM *',
  ])('H4 %s is refused with the reason', async (statement) => {
    expect(await sql(statement)).toMatchObject({ status: 400, body: expect.stringMatching(/SELECT|owner/) });
  });
});

describe('publishing', () => {
  beforeAll(() => {
    owner = { identity: host.owner, token: '' };
  });

  test('H5 is the owner’s', async () => {
    expect((await request('PUT', `${db}?host_type=Js`, { body: 'x' })).status).toBe(401);
    const foreign = await request('PUT', `${db}?host_type=Js`, { token: caller.token, body: 'x' });
    expect([foreign.status, JSON.parse(foreign.body)]).toEqual([401, { PermissionDenied: { name: 'test-db' } }]);
    const elsewhere = await request('PUT', '/v1/database/other?host_type=Js', { token: caller.token, body: 'x' });
    expect(elsewhere.status).toBe(401);
    expect(owner.identity).toMatch(/^c200/);
  });
});
