import { group } from '../case.ts';
import { equal, matches } from '../expectation.ts';
import type { RequestOptions } from '../server-access.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

async function ask(server: ServerUnderTest, method: string, path: string, options: RequestOptions = {}) {
  const database = await server.database('routes');
  return server.request(method, `${database.path}/route${path}`, options);
}

/** HTTP handlers of modules. */
export const routeCases = group('routes', [
  [
    'answer',
    'module.routes',
    'a handler gives status, headers and body',
    async (server) => {
      const { status, headers, body } = await ask(server, 'GET', '/hello', { headers: { 'x-name': 'world' } });
      equal([status, headers['x-answered-by'], body], [201, 'module', 'hello GET world'], 'status, header and body');
    },
  ],
  [
    'methods',
    'module.routes',
    'a route is of its methods',
    async (server) => {
      matches((await ask(server, 'POST', '/hello', { body: '' })).body, /^hello POST/, 'POST');
      equal((await ask(server, 'PUT', '/hello', { body: '' })).status, 404, 'PUT');
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
        equal((await ask(server, method, '/echo')).status, 200, method);
    },
  ],
  [
    'body',
    'module.routes',
    'the body goes in and out',
    async (server) => {
      equal((await ask(server, 'POST', '/echo', { body: 'é, and more' })).body, 'é, and more', 'body');
    },
  ],
  [
    'root',
    'module.routes',
    'the root has a route of its own',
    async (server) => {
      equal((await ask(server, 'GET', '')).status, 201, 'without a slash');
      equal((await ask(server, 'GET', '/')).status, 404, 'with a slash');
    },
  ],
  [
    'unknown',
    'module.routes',
    'an unknown route is 404',
    async (server) => {
      equal((await ask(server, 'GET', '/nowhere')).status, 404, 'status');
    },
  ],
  [
    'uri',
    'module.routes',
    'a handler is told the whole address, with its query',
    async (server) => {
      const database = await server.database('routes');
      equal(
        (await ask(server, 'GET', '/where?a=1&b=x')).body,
        `http://${new URL(server.uri).host}${database.path}/route/where?a=1&b=x`,
        'uri',
      );
    },
  ],
  [
    'transaction',
    'module.routes',
    'a handler has transactions',
    async (server) => {
      const before = Number((await ask(server, 'POST', '/counted', { body: '' })).body);
      equal(Number((await ask(server, 'POST', '/counted', { body: '' })).body), before + 1, 'count');
    },
  ],
  [
    'no-authentication',
    'module.routes',
    'no token is asked for, and a bad one does not matter',
    async (server) => {
      equal((await ask(server, 'GET', '/hello', { token: 'a.b.c' })).status, 201, 'status');
    },
  ],
  [
    'broken',
    'module.routes',
    'a handler that throws is 500 without its message',
    async (server) => {
      const { status, body } = await ask(server, 'GET', '/broken');
      equal([status, body.includes('the handler fails')], [500, false], 'status, and whether the message is told');
    },
  ],
  [
    'odd-header',
    'module.routes',
    'an answer that is none in HTTP is 500, and the next request is answered',
    async (server) => {
      equal((await ask(server, 'GET', '/odd')).status, 500, 'status');
      equal((await ask(server, 'GET', '/hello')).status, 201, 'the next');
    },
  ],
  [
    'no-handlers',
    'module.routes',
    'a module without handlers has no routes',
    async (server) => {
      const database = await server.database('store');
      equal((await server.request('GET', `${database.path}/route/hello`)).status, 404, 'status');
    },
  ],
]);
