import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { freePort } from '../src/free-port.ts';

test('gives a port that can be listened on and that the system gives to nobody by itself', async () => {
  const port = await freePort();
  expect(port).toBeGreaterThanOrEqual(20_000);
  expect(port).toBeLessThan(32_768);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await new Promise((resolve) => server.close(resolve));
});
