import { createServer } from 'node:net';
import { LaunchError } from './errors.ts';

/**
 * A port on the loopback address that can be listened on now: the wanted one, or any free one for 0.
 *
 * @throws {LaunchError} `port_taken`.
 */
export async function claimablePort(wanted: number, option: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const what = cause.code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${cause.code ?? cause.message})`;
      reject(new LaunchError('port_taken', `Port ${wanted} ${what}; choose another with ${option} N.`, { cause }));
    });
    probe.listen({ port: wanted, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : wanted;
      probe.close(() => resolve(port));
    });
  });
}
