import type { LookupFunction } from 'node:net';
import type { SocketFactory } from '@autopilot/sync-contract';
import { WebSocket } from 'ws';
import { dnsResolve, publicLookup } from './public-lookup.ts';

/** Waits longer than this are not believed. */
const longestRetryAfterMs = 3_600_000;

/**
 * Websockets of Node over `ws`, for relays: no compression, no redirects, and frames beyond `maxFrameBytes` end the
 * connection before they are read.
 */
export function nodeRelaySockets(maxFrameBytes: number): SocketFactory {
  return sockets(maxFrameBytes, {});
}

/** As {@link nodeRelaySockets}, and a name is connected to by its addresses of the public internet only. */
export function nodePublicSockets(maxFrameBytes: number): SocketFactory {
  return sockets(maxFrameBytes, { lookup: publicLookup(dnsResolve()) });
}

function sockets(maxFrameBytes: number, more: { readonly lookup?: LookupFunction }): SocketFactory {
  return (request, handlers) => {
    let isOver = false;
    let failure = '';
    const finish = (tell: () => void) => {
      if (isOver) return;
      isOver = true;
      tell();
    };
    const socket = new WebSocket(request.url, [...request.protocols], {
      headers: { ...request.headers },
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: maxFrameBytes,
      ...more,
    });
    socket.binaryType = 'nodebuffer';
    socket.on('open', () => handlers.opened(socket.protocol));
    socket.on('message', (data: Buffer) => {
      if (!isOver) handlers.message(data);
    });
    socket.on('ping', () => handlers.alive());
    socket.on('pong', () => handlers.alive());
    // Always followed by `close`; without a listener it would end the process.
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.on('unexpected-response', (outgoing, response) => {
      const seconds = Number(response.headers['retry-after']);
      const retryAfterMs = Number.isFinite(seconds) ? Math.min(Math.max(0, seconds * 1000), longestRetryAfterMs) : 0;
      // What a relay says to a refusal is not read: it may be without end.
      finish(() => handlers.refused(response.statusCode ?? 0, '', retryAfterMs));
      outgoing.destroy();
      socket.terminate();
    });
    socket.on('close', (code, reason) =>
      finish(() => handlers.closed(code, reason.length > 0 ? reason.toString('utf8') : failure)),
    );
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
}
