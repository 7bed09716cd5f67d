import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** Messages leave in frames of at most this many bytes, as upstream sends them. */
const largestFrame = 4096;

/** Sends one message, in continuation frames when it is large. `sent` is called when it has left or cannot leave. */
export function sendFragmented(socket: WebSocket, stream: Duplex, payload: Uint8Array, sent: () => void): void {
  if (payload.length <= largestFrame) {
    socket.send(payload, { binary: true }, sent);
    return;
  }
  // One write to the kernel for all frames of the message.
  stream.cork();
  for (let start = 0; start < payload.length; start += largestFrame) {
    const end = start + largestFrame;
    const isLast = end >= payload.length;
    socket.send(payload.subarray(start, end), { binary: true, fin: isLast }, isLast ? sent : undefined);
  }
  stream.uncork();
}
