import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Cancel, Scheduler } from '@autopilot/sync-contract';
import { type WebSocket, WebSocketServer } from 'ws';
import { type AccessGuard, refusals } from './access.ts';

/** Pushes texts to every page that is open. */
export interface LiveSocket {
  /** Something changed: the present text goes out now, or when the shortest interval since the last one is over. */
  poke(): void;
  close(): void;
}

export interface LiveSocketOptions {
  readonly server: Server;
  readonly guard: AccessGuard;
  readonly scheduler: Scheduler;
  readonly path: string;
  /** At most one text in this many milliseconds. */
  readonly intervalMs: number;
  /** The text to send now. */
  readonly text: () => string;
}

const mostPages = 32;
/** A page that does not read gets the next snapshot later: only the newest one matters. */
const mostBuffered = 1_000_000;
const pingMs = 15_000;

/** Attaches the live socket to an HTTP server. */
export function attachLiveSocket(options: LiveSocketOptions): LiveSocket {
  const { server, guard, scheduler } = options;
  // Pages have nothing to say; a long message closes their socket.
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  const silent = new Set<WebSocket>();
  let waiting: Cancel | undefined;
  let dirty = false;

  const flush = () => {
    waiting = undefined;
    if (!dirty) return;
    dirty = false;
    if (sockets.clients.size === 0) return;
    const text = options.text();
    for (const page of sockets.clients) if (page.bufferedAmount < mostBuffered) page.send(text);
    waiting = scheduler.after(options.intervalMs, flush);
  };
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const verdict = guard.check({ headers: request.headers, url: request.url ?? '' }, 'socket');
    if ('refused' in verdict) return refuse(socket, refusals[verdict.refused].status, verdict.refused);
    if (request.url?.split('?')[0] !== options.path) return refuse(socket, 404, 'not_found');
    if (sockets.clients.size >= mostPages) return refuse(socket, 503, 'too_many_pages');
    sockets.handleUpgrade(request, socket, head, (page) => {
      page.on('error', () => page.terminate());
      page.on('pong', () => silent.delete(page));
      page.send(options.text());
    });
  };
  const ping = () => {
    for (const page of sockets.clients) {
      if (silent.has(page)) page.terminate();
      else {
        silent.add(page);
        page.ping();
      }
    }
    cancelPing = scheduler.after(pingMs, ping);
  };
  let cancelPing = scheduler.after(pingMs, ping);
  server.on('upgrade', upgrade);
  return {
    poke() {
      dirty = true;
      if (waiting === undefined) flush();
    },
    close() {
      server.off('upgrade', upgrade);
      waiting?.();
      waiting = () => {};
      cancelPing();
      for (const page of sockets.clients) {
        page.close(1001, 'the desktop stops');
        // A page that does not answer must not hold up the end of the process.
        page.terminate();
      }
      sockets.close();
    },
  };
}

function refuse(socket: Duplex, status: number, code: string): void {
  socket.end(`HTTP/1.1 ${status} ${code}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
