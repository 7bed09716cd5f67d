import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { LaunchError } from './errors.ts';

/**
 * Below the range from which systems give ports to whoever asks for any (from 32768 on Linux, 49152 elsewhere): a
 * port found free here is not handed to another program's connection before the part that is meant to have it listens.
 */
const reserved = { from: 20_000, to: 32_768 } as const;
const tries = 50;

/**
 * A port on the loopback address that can be listened on now: the wanted one, or any free one for 0.
 *
 * @throws {LaunchError} `port_taken`.
 */
export async function claimablePort(wanted: number, option: string): Promise<number> {
  if (wanted !== 0) return await probe(wanted, option);
  for (let left = tries; ; left -= 1) {
    try {
      return await probe(randomInt(reserved.from, reserved.to), option);
    } catch (error) {
      if (left <= 1) throw error;
    }
  }
}

async function probe(port: number, option: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const what = cause.code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${cause.code ?? cause.message})`;
      reject(new LaunchError('port_taken', `Port ${port} ${what}; choose another with ${option} N.`, { cause }));
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(port)));
  });
}
