import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { KhalaChannel } from './channel.ts';
import { compatibilityFailure } from './compatibility.ts';
import { authorizeFanout } from './fanout-auth.ts';
import { FanoutSocket } from './fanout-socket.ts';
import type { KhalaFaults } from './faults.ts';
import { FixtureRoutes, type KhalaConnections } from './fixture-routes.ts';
import { decodeSegment, queryNumber, urlOf } from './http-exchange.ts';
import { KhalaHttp } from './http-server.ts';
import { type MintRequest, mintToken } from './mint.ts';
import type { KhalaOptions } from './options.ts';
import type { TokenHolder } from './token.ts';
import { verifyToken } from './token.ts';
import type { WorkerEvent } from './worker-store.ts';
import { type KhalaCounters, type KhalaEvent, KhalaWorld } from './world.ts';

/** A running khala. */
export interface KhalaServer {
  /** Base URL of HTTP, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly faults: KhalaFaults;
  readonly connections: KhalaConnections;
  readonly counters: Readonly<KhalaCounters>;
  /** Appends an event of a worker, pushes it, and returns what was stored. */
  publish(workerId: string, event: KhalaEvent): WorkerEvent;
  /** Appends an update to any of the four topics; returns its watermark. */
  publishUpdate(topic: string, update: { doc_key: string; doc_version: number; payload: unknown }): number;
  /** The stored events of a worker, in order; none for an unknown one. */
  events(workerId: string): readonly WorkerEvent[];
  /** The last seq given out by worker. */
  published(): Readonly<Record<string, number>>;
  /** The last watermark of a topic. */
  head(topic: string): number;
  /** Keeps the newest `keep` entries of a topic. */
  trim(topic: string, keep: number): void;
  /** Keeps the newest `keep` events of a worker for GET /:id/stream. */
  trimWorker(workerId: string, keep: number): void;
  /** Revokes sessions and devices; live channels are told and stopped. */
  revoke(what: { session_ids?: readonly string[]; device_ids?: readonly string[]; reason?: string }): void;
  /** A token as the routes mint it, or a bent one. */
  token(request?: MintRequest): string;
  close(): Promise<void>;
}

/** Retention runs as often as khala's job. */
const retentionMs = 60_000;

/** Answers an upgrade with an HTTP status. */
type Refuse = (status: number, code: string, more?: object) => void;

/** Starts the fixture on a loopback port. */
export async function startKhala(options: KhalaOptions = {}): Promise<KhalaServer> {
  const world = new KhalaWorld(options);
  const channels = new Set<KhalaChannel>();
  const fanouts = new Set<FanoutSocket>();
  const sockets = new Set<Socket>();
  let tcp = 0;
  let bytesOfClosed = 0;
  let numbers = 0;
  const connections: KhalaConnections = {
    get total() {
      return world.counters.accepted;
    },
    get open() {
      return channels.size + fanouts.size;
    },
    get tcp() {
      return tcp;
    },
    get bytesReceived() {
      let bytes = bytesOfClosed;
      for (const socket of sockets) bytes += socket.bytesRead;
      return bytes;
    },
  };
  const revoke = (sessionIds: readonly string[], deviceIds: readonly string[], reason: string): void => {
    world.revocations.add(sessionIds, deviceIds, reason);
    for (const channel of channels) {
      const { session_id, device_id } = channel.holder;
      if (sessionIds.includes(session_id) || deviceIds.includes(device_id)) channel.revoke(reason);
    }
  };
  const http = new KhalaHttp(world, new FixtureRoutes(world, () => connections), revoke);
  const server = createServer((request, response) => {
    http.handle(request, response).catch(() => request.socket.destroy());
  });
  // Longer than any pause of a test: a connection closed at the wrong moment would look like a lost response.
  server.keepAliveTimeout = 120_000;
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false });

  server.on('connection', (socket) => {
    tcp += 1;
    sockets.add(socket);
    socket.on('close', () => {
      bytesOfClosed += socket.bytesRead;
      sockets.delete(socket);
    });
  });
  server.on('upgrade', (request, socket: Socket, head) => {
    socket.on('error', () => socket.destroy());
    const refuse: Refuse = (status, code, more = {}) => {
      world.counters.refused += 1;
      const body = JSON.stringify({ error: { code, ...more } });
      const lines = ['content-type: application/json', `content-length: ${body.length}`, 'connection: close'];
      socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
    };
    const fault = world.faults.take('refuse_connections');
    if (fault !== undefined) {
      if (fault.status !== undefined) return refuse(fault.status, 'fault');
      world.counters.refused += 1;
      socket.destroy();
      return;
    }
    const url = urlOf(request);
    const topic = /^\/internal\/v1\/khala\/topics\/([^/]+)\/ws$/.exec(url.pathname)?.[1];
    if (topic !== undefined) return openFanout(request, socket, head, url, decodeSegment(topic), refuse);
    if (!/^(\/sync)?\/socket\/websocket$/.test(url.pathname)) return refuse(404, 'not_found');
    if (url.searchParams.get('vsn') !== '2.0.0') return refuse(403, 'unsupported_vsn');
    const holder = verifyToken(url.searchParams.get('token'), world.tokenRules, world.clock.now());
    if (typeof holder === 'string') return refuse(403, holder);
    upgrades.handleUpgrade(request, socket, head, (ws) => openChannel(ws, socket, url, holder));
  });

  const openFanout = (
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    url: URL,
    topic: string,
    refuse: Refuse,
  ) => {
    const holder = authorizeFanout(world, request, topic);
    if ('status' in holder) return refuse(holder.status, holder.code, { reason_code: holder.reason_code });
    const after = queryNumber(url, 'after_seq');
    const limit = queryNumber(url, 'limit');
    if (Number.isNaN(after) || Number.isNaN(limit) || limit === 0) return refuse(400, 'invalid_request');
    upgrades.handleUpgrade(request, socket, head, (ws) => {
      world.counters.accepted += 1;
      numbers += 1;
      const { subject } = holder;
      const fanout = new FanoutSocket(world, { id: numbers, ws, socket, topic, subject, after, limit });
      fanouts.add(fanout);
      ws.on('close', () => fanouts.delete(fanout));
    });
  };

  const openChannel = (ws: WebSocket, socket: Socket, url: URL, holder: TokenHolder): void => {
    world.counters.accepted += 1;
    numbers += 1;
    const says = (name: string): string | undefined =>
      url.searchParams.get(name) ?? holder.claims[`oa_${name}`]?.toString();
    const { compatibility: window } = options;
    const compatibility =
      window === undefined
        ? undefined
        : compatibilityFailure(
            window,
            {
              client_build_id: says('client_build_id'),
              protocol_version: says('protocol_version'),
              schema_version: says('schema_version'),
            },
            'khala_websocket',
          );
    const channel = new KhalaChannel(world, { id: numbers, ws, socket, holder, compatibility });
    channels.add(channel);
    ws.on('close', () => channels.delete(channel));
  };

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  let cancelRetention = (): void => {};
  const retainLater = (): void => {
    cancelRetention = world.scheduler.after(retentionMs, () => {
      world.retain();
      retainLater();
    });
  };
  retainLater();

  return {
    url: `http://${options.host ?? '127.0.0.1'}:${port}`,
    port,
    faults: world.faults,
    connections,
    counters: world.counters,
    publish: (workerId, event) => world.publish(workerId, event),
    publishUpdate: (topic, update) => world.publishUpdate(topic, update),
    events: (workerId) => [...(world.workers.get(workerId)?.events ?? [])],
    published: () => Object.fromEntries(world.workers.all().map((worker) => [worker.id, worker.latest_seq])),
    head: (topic) => world.log(topic).head,
    trim: (topic, keep) => world.trim(topic, keep),
    trimWorker: (workerId, keep) => world.workers.trim(workerId, keep),
    revoke: ({ session_ids = [], device_ids = [], reason = 'session_revoked' }) =>
      revoke(session_ids, device_ids, reason),
    token: (request) => mintToken(world, request).token,
    close: () =>
      new Promise((resolve) => {
        cancelRetention();
        for (const each of [...channels, ...fanouts]) each.dispose();
        upgrades.close();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
