import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Lets control end at once while a browser is there: browsers open connections in advance, and the server would wait a
 * minute for the first request on each of them. Those that carry a request end in their own time.
 */
export function closeUnusedConnections(app: FastifyInstance): void {
  const unused = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  app.server.on('request', (request) => unused.delete(request.socket));
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy();
  });
}
