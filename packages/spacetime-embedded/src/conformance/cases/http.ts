import { group } from '../case.ts';
import { check, equal, matches } from '../expectation.ts';
import { bundleModule } from '../modules.ts';
import { identityIn } from '../server-under-test.ts';

const unknownIdentity = `c200${'0'.repeat(60)}`;

/** Routes, status codes and headers. */
export const httpCases = group('http', [
  [
    'ping',
    'http.database',
    'GET /v1/ping is 200 and empty',
    async (server) => {
      const { status, body } = await server.request('GET', '/v1/ping');
      equal([status, body], [200, ''], 'GET /v1/ping');
    },
  ],
  [
    'cors',
    'http.database',
    'any origin may ask',
    async (server) => {
      const { headers } = await server.request('GET', '/v1/ping', { headers: { origin: 'https://app.example' } });
      equal(headers['access-control-allow-origin'], '*', 'access-control-allow-origin');
    },
  ],
  [
    'identity',
    'http.identity',
    'POST /v1/identity gives a new identity and its token each time',
    async (server) => {
      const [one, other] = [await server.caller(), await server.caller()];
      matches(one.identity, /^c200[0-9a-f]{60}$/, 'the identity');
      check(one.identity !== other.identity, 'two requests gave the same identity');
      equal(one.token.split('.').length, 3, 'parts of the token');
    },
  ],
  [
    'public-key',
    'http.identity',
    'the public key is a PEM of that content type',
    async (server) => {
      const { status, headers, body } = await server.request('GET', '/v1/identity/public-key');
      equal([status, headers['content-type']], [200, 'application/pem-certificate-chain'], 'status and type');
      matches(body, /^-----BEGIN PUBLIC KEY-----/, 'the body');
    },
  ],
  [
    'websocket-token',
    'http.identity',
    'a websocket token is given to the bearer of a token only',
    async (server) => {
      const { token } = await server.caller();
      const given = await server.request('POST', '/v1/identity/websocket-token', { token });
      equal([given.status, Object.keys(JSON.parse(given.body))], [200, ['token']], 'with a token');
      equal((await server.request('POST', '/v1/identity/websocket-token')).status, 401, 'without one');
    },
  ],
  [
    'verify',
    'http.identity',
    'verify is 204 for the own identity, 400 for another, 401 without a token',
    async (server) => {
      const [one, other] = [await server.caller(), await server.caller()];
      const verify = async (identity: string, token?: string) =>
        (await server.request('GET', `/v1/identity/${identity}/verify`, token === undefined ? {} : { token })).status;
      equal(await verify(one.identity, one.token), 204, 'the own identity');
      equal(await verify(other.identity, one.token), 400, 'the identity of another');
      equal(await verify(one.identity), 401, 'without a token');
    },
  ],
  [
    'databases-of-identity',
    'http.identity',
    'the databases of an identity are listed',
    async (server) => {
      const database = await server.database('store');
      const { status, body } = await server.request('GET', `/v1/identity/${server.owner.identity}/databases`);
      check(status === 200 && body.includes(database.identity), `${database.identity} is not in ${status} ${body}`);
    },
  ],
  [
    'info',
    'http.database',
    'a database tells identity, owner, host type and program as SATS-JSON',
    async (server) => {
      const database = await server.database('store');
      const { status, body } = await server.request('GET', database.path);
      const info = JSON.parse(body);
      equal(status, 200, 'status');
      equal(info.database_identity, { __identity__: `0x${database.identity}` }, 'database_identity');
      equal(info.owner_identity, { __identity__: `0x${server.owner.identity}` }, 'owner_identity');
      equal(Object.keys(info.host_type), ['Js'], 'host_type');
      matches(String(info.initial_program), /^(0x)?[0-9a-f]{64}$/, 'initial_program');
    },
  ],
  [
    'by-identity',
    'http.database',
    'a database is found by its identity too',
    async (server) => {
      const { identity } = await server.database('store');
      const { status, body } = await server.request('GET', `/v1/database/${identity}`);
      equal([status, body.includes(identity)], [200, true], 'GET by identity');
    },
  ],
  [
    'identity-of-name',
    'http.database',
    'GET .../identity is the identity as plain text',
    async (server) => {
      const { path, identity } = await server.database('store');
      const { status, body } = await server.request('GET', `${path}/identity`);
      equal([status, body], [200, identity], 'GET .../identity');
    },
  ],
  [
    'unknown-database',
    'http.database',
    'every route of an unknown database is 404',
    async (server) => {
      const name = server.newName();
      const { token } = server.owner;
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/identity'],
        ['GET', '/names'],
        ['GET', '/schema?version=10'],
        ['GET', '/logs'],
        ['POST', '/sql'],
        ['POST', '/call/x'],
        ['DELETE', ''],
        ['GET', '/route/x'],
      ] as const) {
        const body = method === 'POST' ? { body: '[]' } : {};
        const { status } = await server.request(method, `/v1/database/${name}${path}`, { token, ...body });
        equal(status, 404, `${method} ${path}`);
      }
      equal((await server.request('GET', `/v1/database/${unknownIdentity}`)).status, 404, 'by identity');
    },
  ],
  [
    'names',
    'http.database',
    'names are listed, added by the owner, and replaced',
    async (server) => {
      const database = await server.fresh('lifecycle');
      const names = async (path = database.path) => JSON.parse((await server.request('GET', `${path}/names`)).body);
      equal(await names(), { names: [database.name] }, 'names');
      const added = server.newName();
      const { token } = server.owner;
      const answer = await server.request('POST', `${database.path}/names`, {
        token,
        body: added,
        headers: { 'content-type': 'text/plain' },
      });
      equal([answer.status, Object.keys(JSON.parse(answer.body))], [200, ['Success']], 'POST names');
      equal(new Set((await names(`/v1/database/${added}`)).names), new Set([database.name, added]), 'names after');
      const only = server.newName();
      const set = await server.request('PUT', `/v1/database/${database.identity}/names`, {
        token,
        body: JSON.stringify([only]),
      });
      equal([set.status, set.body], [200, '"Success"'], 'PUT names');
      equal(await names(`/v1/database/${only}`), { names: [only] }, 'names after PUT');
      equal((await server.request('GET', database.path)).status, 404, 'the name of before');
      server.adopt(only, database.identity);
    },
  ],
  [
    'names-of-others',
    'http.database',
    'names are not changed by others, nor to what is no name or taken',
    async (server) => {
      const { path, name } = await server.database('store');
      const other = await server.caller();
      const { token } = server.owner;
      const put = async (names: string, by: string) =>
        (await server.request('PUT', `${path}/names`, { token: by, body: names })).status;
      equal(await put(JSON.stringify([server.newName()]), other.token), 401, 'by another');
      equal(await put('["No Name"]', token), 400, 'what is no name');
      equal(await put(JSON.stringify([name]), token), 400, 'a name that is taken');
    },
  ],
  [
    'publish-without-token',
    'http.database',
    'publishing without a token is 401, or the database belongs to a new anonymous identity',
    async (server) => {
      const name = server.newName();
      const { status, body, headers } = await server.request('PUT', `/v1/database/${name}?host_type=Js`, {
        body: await bundleModule('lifecycle'),
      });
      if (status === 401) return;
      equal(status, 200, 'status');
      const identity = String(headers['spacetime-identity']);
      server.adopt(name, identityIn(body), { identity, token: String(headers['spacetime-identity-token']) });
      check(identity !== server.owner.identity, 'it belongs to the owner of the suite');
    },
  ],
  [
    'publish-created',
    'http.database',
    'publishing answers with domain, identity and created, then updated',
    async (server) => {
      const name = server.newName();
      const module = await bundleModule('lifecycle');
      const { status, body } = await server.publish(name, module);
      equal(status, 200, 'PUT');
      server.adopt(name, identityIn(body));
      const { Success } = JSON.parse(body);
      equal([Success.domain, Success.op], [name, 'created'], 'domain and op');
      const again = JSON.parse((await server.publish(name, module)).body).Success;
      equal([again.op, again.database_identity], ['updated', Success.database_identity], 'the second time');
    },
  ],
  [
    'publish-unnamed',
    'http.database',
    'POST /v1/database publishes without a name',
    async (server) => {
      const { status, body } = await server.request('POST', '/v1/database?host_type=Js', {
        token: server.owner.token,
        body: await bundleModule('lifecycle'),
      });
      equal(status, 200, `POST (${body})`);
      const identity = identityIn(body);
      server.adopt(identity, identity);
      equal(JSON.parse(body).Success.domain ?? null, null, 'domain');
      equal((await server.request('GET', `/v1/database/${identity}`)).status, 200, 'by identity');
    },
  ],
  [
    'publish-by-others',
    'http.database',
    'a database is not updated by others',
    async (server) => {
      const { name } = await server.database('store');
      const { token } = await server.caller();
      const { status } = await server.publish(name, await bundleModule('lifecycle'), '', token);
      equal(status, 401, 'PUT by another');
    },
  ],
  [
    'publish-bad-name',
    'http.database',
    'what is no name is refused',
    async (server) => {
      const { status } = await server.publish('Not_A_Name', await bundleModule('lifecycle'));
      equal(status, 400, 'PUT');
    },
  ],
  [
    'publish-broken',
    'http.database',
    'a module that does not load leaves no database',
    async (server) => {
      const name = server.newName();
      const { status } = await server.publish(name, 'this is no module (');
      check(status >= 400, `publishing was answered with ${status}`);
      equal(
        (await server.request('POST', `/v1/database/${name}/sql`, { body: 'SELECT * FROM x' })).status >= 400,
        true,
        'SQL',
      );
    },
  ],
  [
    'clear',
    'http.database',
    'publishing with clear=true leaves no row',
    async (server) => {
      const database = await server.fresh('store');
      await database.commit('add_bag', ['x', 1]);
      const { status } = await server.publish(database.name, await bundleModule('store'), '&clear=true');
      equal(status, 200, 'PUT with clear');
      equal(await database.rows('SELECT * FROM bag'), [], 'rows');
      equal((await database.rows("SELECT * FROM said WHERE key = 'init'")).length, 1, 'runs of init');
    },
  ],
  [
    'lock',
    'http.database',
    'a locked database is neither deleted nor cleared',
    async (server) => {
      const database = await server.fresh('lifecycle');
      const { token } = server.owner;
      equal((await server.request('POST', `${database.path}/lock`, { token })).status, 200, 'lock');
      equal((await server.request('DELETE', database.path, { token })).status, 403, 'DELETE');
      equal((await server.publish(database.name, await bundleModule('lifecycle'), '&clear=true')).status, 403, 'clear');
      equal((await server.request('POST', `${database.path}/unlock`, { token })).status, 200, 'unlock');
    },
  ],
  [
    'delete',
    'http.database',
    'the owner deletes a database, nobody else does',
    async (server) => {
      const database = await server.fresh('lifecycle');
      const other = await server.caller();
      equal((await server.request('DELETE', database.path)).status, 401, 'without a token');
      equal((await server.request('DELETE', database.path, { token: other.token })).status, 401, 'by another');
      equal((await server.request('DELETE', database.path, { token: server.owner.token })).status, 200, 'by the owner');
      equal((await server.request('GET', database.path)).status, 404, 'afterwards');
    },
  ],
  [
    'delete-closes',
    'http.database',
    'deleting a database ends its websockets',
    async (server) => {
      const database = await server.fresh('lifecycle');
      const client = await database.connect();
      await server.request('DELETE', database.path, { token: server.owner.token });
      await client.ended();
    },
  ],
  [
    'identity-headers',
    'http.authorization',
    'a call without a token is told who it was',
    async (server) => {
      const { path } = await server.database('store');
      const { headers, status } = await server.request('POST', `${path}/call/nothing`, { body: '[]' });
      equal(status, 200, 'status');
      matches(String(headers['spacetime-identity']), /^c200[0-9a-f]{60}$/, 'spacetime-identity');
      const token = String(headers['spacetime-identity-token']);
      const again = await server.request('POST', `${path}/call/nothing`, { body: '[]', token });
      equal(again.headers['spacetime-identity'], headers['spacetime-identity'], 'the identity of that token');
    },
  ],
  [
    'headers-of-refusals',
    'http.authorization',
    'refusals and plain answers tell the caller who it is too',
    async (server) => {
      const { path } = await server.database('store');
      const { identity, token } = await server.caller();
      for (const [method, route, body] of [
        ['GET', `${path}/names`, undefined],
        ['GET', `${path}/logs`, undefined],
        ['POST', `${path}/call/no_such_function`, '[]'],
        ['POST', `${path}/sql`, 'nonsense'],
        ['GET', `/v1/database/${server.newName()}`, undefined],
      ] as const) {
        const { headers } = await server.request(method, route, { token, ...(body === undefined ? {} : { body }) });
        equal(headers['spacetime-identity'], identity, `spacetime-identity of ${method} ${route}`);
      }
    },
  ],
  [
    'bad-header',
    'http.authorization',
    'a malformed authorization header is 400',
    async (server) => {
      const { path } = await server.database('store');
      const { status } = await server.request('GET', path, { headers: { authorization: 'Basic abc' } });
      equal(status, 400, 'status');
    },
  ],
  [
    'bad-token',
    'http.authorization',
    'a token that is none is 401',
    async (server) => {
      const { path } = await server.database('store');
      equal((await server.request('GET', path, { token: 'a.b.c' })).status, 401, 'status');
    },
  ],
  [
    'query-token',
    'http.authorization',
    'a token in the query counts, and a header wins over it',
    async (server) => {
      const { path } = await server.database('store');
      const [one, other] = [await server.caller(), await server.caller()];
      const as = async (options: { token?: string }) =>
        (await server.request('POST', `${path}/call/nothing?token=${one.token}`, { body: '[]', ...options })).headers[
          'spacetime-identity'
        ];
      equal(await as({}), one.identity, 'the query alone');
      equal(await as({ token: other.token }), other.identity, 'both');
    },
  ],
  [
    'schema-version',
    'http.database',
    'the version of the schema must be named',
    async (server) => {
      const { path } = await server.database('store');
      const status = async (query: string) => (await server.request('GET', `${path}/schema${query}`)).status;
      equal([await status(''), await status('?version=8')], [400, 400], 'without and with version 8');
    },
  ],
  [
    'schema-10',
    'http.database',
    'schema version 10 lists the sections of the module',
    async (server) => {
      const { path } = await server.database('store');
      const { status, body } = await server.request('GET', `${path}/schema?version=10`);
      equal(status, 200, 'status');
      const sections = JSON.parse(body).sections.map((section: object) => Object.keys(section)[0]);
      for (const name of ['Typespace', 'Tables', 'Reducers'])
        check(sections.includes(name), `${name} is not in ${sections}`);
    },
  ],
  [
    'schema-9',
    'http.database',
    'schema version 9 lists tables, reducers and types',
    async (server) => {
      const { path } = await server.database('store');
      const { status, body } = await server.request('GET', `${path}/schema?version=9`);
      equal(status, 200, `status (${body.slice(0, 200)})`);
      const schema = JSON.parse(body);
      const item = schema.tables.find((table: { name: string }) => table.name === 'item');
      equal(item?.primary_key, [0], 'the primary key of item');
      const names = (kind: string) => item[kind].map(({ name }: { name: { some?: string } }) => name.some).sort();
      equal(names('constraints'), ['item_code_key', 'item_id_key'], 'the constraints of item');
      equal(names('sequences'), ['item_id_seq'], 'the sequences of item');
      check(
        schema.reducers.some((reducer: { name: string }) => reducer.name === 'add_item'),
        'add_item is not there',
      );
      check(Array.isArray(schema.typespace?.types), 'typespace.types is no array');
    },
  ],
  [
    'timestamp',
    'http.database',
    'the time of a database is a SATS-JSON timestamp',
    async (server) => {
      const { path } = await server.database('store');
      const { status, body } = await server.request('GET', `${path}/unstable/timestamp`);
      equal(status, 200, 'status');
      matches(body, /__timestamp_micros_since_unix_epoch__"?\s*:\s*\d{16}/, 'the body');
    },
  ],
  [
    'subscribe-needs-upgrade',
    'ws.upgrade',
    'GET .../subscribe without an upgrade is refused',
    async (server) => {
      const { path } = await server.database('store');
      const { status } = await server.request('GET', `${path}/subscribe`);
      check(status === 426 || status === 400, `expected 426 or 400, got ${status}`);
    },
  ],
]);
