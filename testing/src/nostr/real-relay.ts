import type { Event, LogLevel } from '@nostr-relay/common';
import { NostrRelay } from '@nostr-relay/core';
import { Validator } from '@nostr-relay/validator';
import { type WebSocket, WebSocketServer } from 'ws';
import { listen } from './listen.ts';
import { MemoryRepository } from './memory-repository.ts';

/** Options of {@link startRelay}. */
export interface RelayOptions {
  /** Insists on NIP-42: EVENT and REQ are answered with auth-required until the connection has authenticated. */
  readonly auth?: boolean;
  /** The NIP-11 document; none is served without it. */
  readonly information?: Readonly<Record<string, unknown>>;
  /**
   * Takes every EVENT of the right form without looking at its id and signature, which takes milliseconds in JavaScript: for
   * benchmarks of who publishes. It is stored, and handed to nobody.
   */
  readonly trusting?: boolean;
}

/** A relay that keeps NIP-01 as its library does. */
export interface Relay {
  readonly url: string;
  /** Events it keeps, oldest arrival first. */
  stored(): readonly Event[];
  /** How often each event id came as EVENT, whatever was answered. */
  readonly received: ReadonlyMap<string, number>;
  /** Connections that are open. */
  readonly connections: number;
  /** Waited for before the query of a REQ is answered; accepting an event asks for its id only, and does not wait. */
  onFind(gate: () => Promise<void>): void;
  /** Cuts every connection, without a close frame. */
  cut(): void;
  /** Is away, and comes back at the same address with what it kept. */
  stop(): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
}

const quiet = { setLogLevel: (_level: LogLevel) => {}, debug() {}, info() {}, warn() {}, error() {} };

/** Starts a relay out of `@nostr-relay/core` on a free loopback port. It checks ids and signatures unless told not to. */
export async function startRelay({ auth = false, information, trusting = false }: RelayOptions = {}): Promise<Relay> {
  const repository = new MemoryRepository();
  const received = new Map<string, number>();
  const open = new Set<WebSocket>();
  let running = await run(0);
  const url = `ws://127.0.0.1:${running.port}`;

  async function run(port: number) {
    const relay = new NostrRelay(repository, {
      logger: quiet,
      // It would answer the same REQ for a second out of a cache, without what was stored meanwhile.
      filterResultCacheTtl: 0,
      ...(auth ? { hostname: '127.0.0.1' } : {}),
    });
    // The library takes a deletion and tells nobody.
    repository.onDeletion = (event) => relay.broadcast(event);
    if (auth) relay.register({ handleMessage: insistOnAuth });
    if (trusting) relay.register({ handleMessage: storeUnchecked(repository) });
    const validator = new Validator();
    const http = await listen((_request, response) => {
      if (information === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': 'application/nostr+json' }).end(JSON.stringify(information));
    }, port);
    const sockets = new WebSocketServer({ server: http.server });
    sockets.on('connection', (socket, request) => {
      open.add(socket);
      relay.handleConnection(socket, request.socket.remoteAddress);
      socket.on('message', async (data) => {
        try {
          const message = await validator.validateIncomingMessage(data as Buffer);
          if (message[0] === 'EVENT') received.set(message[1].id, (received.get(message[1].id) ?? 0) + 1);
          await relay.handleMessage(socket, message);
        } catch (error) {
          socket.send(JSON.stringify(['NOTICE', error instanceof Error ? error.message : String(error)]));
        }
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        relay.handleDisconnect(socket);
      });
    });
    return { relay, http, sockets, port: http.port };
  }
  const cut = () => {
    for (const socket of open) socket.terminate();
  };
  const stop = async () => {
    cut();
    running.sockets.close();
    await running.http.close();
    await running.relay.destroy();
  };
  return {
    url,
    stored: () => repository.stored(),
    received,
    get connections() {
      return open.size;
    },
    onFind: (gate) => {
      repository.beforeFind = async ({ ids }) => {
        if (ids === undefined) await gate();
      };
    },
    cut,
    stop,
    resume: async () => {
      running = await run(running.port);
    },
    close: stop,
  };
}

type Plugin = Extract<Parameters<NostrRelay['register']>[0], { handleMessage: unknown }>['handleMessage'];

/** The library offers NIP-42 and does not insist on it. */
const insistOnAuth: Plugin = async (context, message, next) => {
  if (context.pubkey === undefined && message[0] === 'EVENT') {
    const [, event] = message;
    context.sendMessage(['OK', event.id, false, 'auth-required: only for those who have authenticated'] as never);
    return;
  }
  if (context.pubkey === undefined && message[0] === 'REQ') {
    context.sendMessage(['CLOSED', message[1], 'auth-required: only for those who have authenticated'] as never);
    return;
  }
  return await next();
};

/** In place of what the library does with an EVENT. */
const storeUnchecked =
  (repository: MemoryRepository): Plugin =>
  async (context, message, next) => {
    if (message[0] !== 'EVENT') return await next();
    const { isDuplicate } = repository.upsert(message[1]);
    context.sendMessage(['OK', message[1].id, true, isDuplicate ? 'duplicate: it is stored' : ''] as never);
  };
