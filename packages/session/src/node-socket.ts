import type { SocketFactory } from '@autopilot/sync-contract';
import { WebSocket } from 'ws';
import { retryAfterMs } from './retry-after.ts';

/** More than a server sends at once: batches of 512 KiB and pages of 1 MiB; a snapshot may be larger. */
const largestFrame = 256 * 1024 * 1024;
/** SpacetimeDB sends a message in websocket frames of this many bytes. Unasked, `ws` takes 16,384 of them: 64 MiB. */
const fragmentBytes = 4096;
const largestBody = 64 * 1024;

/** Websockets of Node over `ws`. Redirects are not followed: a token must not travel to another host. */
export const nodeSocketFactory: SocketFactory = (request, handlers) => {
  let over = false;
  let failure = '';
  const socket = new WebSocket(request.url, [...request.protocols], {
    headers: { ...request.headers },
    perMessageDeflate: false,
    followRedirects: false,
    maxPayload: largestFrame,
    maxFragments: largestFrame / fragmentBytes,
  });
  socket.binaryType = 'nodebuffer';
  socket.on('open', () => handlers.opened(socket.protocol));
  // A text frame is handed over as well: its first byte is no compression tag, so the protocol refuses it.
  socket.on('message', (data: Buffer) => handlers.message(data));
  socket.on('ping', () => handlers.alive());
  socket.on('pong', () => handlers.alive());
  // Always followed by `close`; without a listener it would end the process.
  socket.on('error', (error) => {
    failure = error.message;
  });
  socket.on('close', (code, reason) => {
    if (over) return;
    over = true;
    handlers.closed(code, reason.length > 0 ? reason.toString('utf8') : failure);
  });
  socket.on('unexpected-response', (outgoing, response) => {
    let body = '';
    const end = () => {
      if (over) return;
      over = true;
      outgoing.destroy();
      handlers.refused(
        response.statusCode ?? 0,
        body,
        retryAfterMs(response.headers['retry-after'], response.headers.date),
      );
      socket.terminate();
    };
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
      if (body.length > largestBody) end();
    });
    response.on('end', end);
    response.on('error', end);
    response.on('close', end);
  });
  return {
    send: (data) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(data);
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
};
