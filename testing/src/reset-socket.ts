import type { Socket } from 'node:net';

/**
 * Resets a connection. While its own end is still on the way out Node cannot: it reports EINVAL, never closes the socket,
 * and the process can never exit. Then it is only closed.
 */
export function resetSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
