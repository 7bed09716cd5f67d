import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A loopback port that is free now and stays so: it lies below the range from which the system gives ports to whoever
 * asks for any. For parts whose address must be known before they listen.
 */
export async function freePort(): Promise<number> {
  for (let left = 50; ; left -= 1) {
    const port = randomInt(20_000, 32_768);
    if (await isFree(port)) return port;
    if (left === 0) throw new Error('No free port was found between 20000 and 32767.');
  }
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
