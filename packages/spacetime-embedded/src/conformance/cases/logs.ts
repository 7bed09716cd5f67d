import { group } from '../case.ts';
import { check, equal } from '../expectation.ts';
import { httpResponse } from '../http-request.ts';
import type { ServerUnderTest } from '../server-under-test.ts';
import { patience } from '../socket-client.ts';

async function linesOf(server: ServerUnderTest, query = '') {
  const { path } = await server.database('store');
  const { body, headers } = await server.request('GET', `${path}/logs${query}`, { token: server.owner.token });
  const lines = body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { lines, type: headers['content-type'] };
}

/** Logs of a module. */
export const logCases = group('logs', [
  [
    'levels',
    'http.logs',
    'what a module prints is there with its level, as a line of JSON each',
    async (server) => {
      const database = await server.database('store');
      await database.commit('write_log', ['levels']);
      const { lines, type } = await linesOf(server);
      equal(String(type).split(';')[0], 'application/x-ndjson', 'content-type');
      const mine = lines
        .filter(({ message }) => message.includes('levels'))
        .map(({ level }) => String(level).toLowerCase());
      equal(mine, ['error', 'warn', 'info', 'debug'], 'levels');
      check(
        lines.every(({ ts }) => typeof ts === 'number' || typeof ts === 'string'),
        'a line has no ts',
      );
    },
  ],
  [
    'num-lines',
    'http.logs',
    'num_lines bounds the number',
    async (server) => {
      const database = await server.database('store');
      await database.commit('write_log', ['bounded']);
      equal(
        (await linesOf(server, '?num_lines=2')).lines.map(({ message }) => message.split(' ')[0]),
        ['info', 'debug'],
        'lines',
      );
    },
  ],
  [
    'trap',
    'http.logs',
    'the message of an error is in the log',
    async (server) => {
      const database = await server.database('store');
      await database.call('crash', ['a detail for the log']);
      const { lines } = await linesOf(server);
      check(
        lines.some(
          ({ level, message }) => String(level).toLowerCase() === 'error' && message.includes('a detail for the log'),
        ),
        'it is not there',
      );
    },
  ],
  [
    'owner-only',
    'http.logs',
    'logs are for the owner',
    async (server) => {
      const { path } = await server.database('store');
      const { token } = await server.caller();
      equal((await server.request('GET', `${path}/logs`, { token })).status, 401, 'another');
      equal((await server.request('GET', `${path}/logs`)).status, 401, 'nobody');
    },
  ],
  [
    'follow',
    'http.logs',
    'follow=true goes on with what comes later',
    async (server) => {
      const database = await server.database('store');
      const response = await httpResponse(
        {
          method: 'GET',
          url: `${server.uri}${database.path}/logs?follow=true&num_lines=0`,
          headers: { authorization: `Bearer ${server.owner.token}` },
        },
        patience,
      );
      equal(response.statusCode, 200, 'status');
      try {
        await database.commit('write_log', ['later on']);
        let text = '';
        for await (const chunk of response) {
          text += String(chunk);
          if (text.includes('debug later on')) return;
        }
        check(false, `the answer ended: ${text}`);
      } finally {
        response.destroy();
      }
    },
  ],
]);
