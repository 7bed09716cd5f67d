import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@autopilot/testing';
import { afterEach, expect, test } from '@jest/globals';
import { createControlApi } from '../../src/rehearse/control-api.ts';

const client = { id: 'anna', secret: 'secret', secretFile: '' };

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

test.each([
  ['answers that it is starting', true],
  ['does not answer at all', false],
])('an interrupt ends a question to a control that %s', async (_what, answers) => {
  let asked = 0;
  const listening = createServer((_request, response) => {
    asked += 1;
    if (answers) response.writeHead(503).end('{}');
  });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const interrupted = new AbortController();
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const api = createControlApi(url, 'key', interrupted.signal);
  const question = expect(api.ask(client, 'GET', '/v1/cutover/state')).rejects.toThrow('interrupted');
  await waitFor(() => asked > (answers ? 1 : 0), { describe: 'the question', timeoutMs: 5_000 });
  interrupted.abort(new Error('interrupted'));
  await question;
});
