import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { ClientRejected } from '../engine/database.ts';
import type { FaultSettings } from '../faults.ts';
import type { ApiContext } from '../http/api.ts';
import { authenticate } from '../http/authenticate.ts';
import { databaseNamed } from '../http/lifecycle.ts';
import { Refusal } from '../http/reply.ts';
import { decoded, urlOf } from '../http/router.ts';
import { type Compression, compressions } from '../wire/frame.ts';
import { chooseProtocol, type Protocol } from '../wire/protocol.ts';
import { ClientSocket } from './client-socket.ts';
import { HostSocket } from './host-socket.ts';

/** Takes websocket upgrades. */
export class Upgrades {
  private readonly context: ApiContext;
  private readonly faults: FaultSettings;
  private readonly report: (error: unknown) => void;
  private readonly server: WebSocketServer;

  constructor(context: ApiContext, faults: FaultSettings, report: (error: unknown) => void) {
    this.context = context;
    this.faults = faults;
    this.report = report;
    this.server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: context.limits.messageBytes,
      WebSocket: HostSocket,
      handleProtocols: (offered) => this.protocol(offered) ?? false,
    });
  }

  async take(incoming: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    // A peer that goes away while its token is checked is no error of ours.
    stream.on('error', () => stream.destroy());
    try {
      await this.open(incoming, stream, head);
    } catch (error) {
      if (!(error instanceof Refusal)) this.report(error);
      const { status, message } = error instanceof Refusal ? error : { status: 500, message: 'internal error' };
      stream.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\ncontent-type: text/plain; charset=utf-8\r\n` +
          `content-length: ${Buffer.byteLength(message)}\r\nconnection: close\r\n\r\n${message}`,
      );
    }
  }

  private async open(incoming: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    const { context } = this;
    const url = urlOf(incoming);
    const name = /^\/v1\/database\/([^/]+)\/subscribe$/.exec(url?.pathname ?? '')?.[1];
    if (url === undefined || name === undefined) throw new Refusal(404, 'There is no such websocket.');
    if (this.faults.refuseUpgrades) throw new Refusal(503, 'refused by a fault that was switched on');
    const asked = parameter<Compression>(url, 'compression', compressions) ?? 'Brotli';
    const compression = this.faults.forceCompression ?? asked;
    const confirmed = (parameter(url, 'confirmed', ['true', 'false']) ?? 'true') === 'true';
    const connectionId = this.connectionId(url);
    const protocol = this.protocol((incoming.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/));
    if (protocol === undefined) {
      const text = 'no valid protocol selected: this host speaks v3.bsatn.spacetimedb and v2.bsatn.spacetimedb';
      throw new Refusal(400, `${text}; v1 of the 1.x clients it does not speak`);
    }
    const { token, claims } = await authenticate(context.tokens, incoming, url);
    const database = databaseNamed(context, decoded(name));
    if (stream.destroyed) return;
    if ([...database.clients].some((client) => client.connectionId === connectionId)) {
      throw new Refusal(400, 'Invalid connection ID: another connection has it.');
    }
    this.server.handleUpgrade(incoming, stream, head, (socket) => {
      // The errors of a socket are followed by its end, which is all that anybody needs to know.
      socket.on('error', () => undefined);
      const { ports, limits } = context;
      const options = {
        socket,
        stream,
        database,
        ports,
        limits,
        protocol,
        compression,
        confirmed,
        claims,
        token,
        connectionId,
      };
      try {
        if (this.faults.rejectConnects) throw new ClientRejected('rejected by a fault that was switched on');
        new ClientSocket(options);
      } catch (error) {
        // After the 101 there is no way to say why: the client sees the socket break.
        socket.terminate();
        if (!(error instanceof ClientRejected)) this.report(error);
      }
    });
  }

  private protocol(offered: Iterable<string>): Protocol | undefined {
    if (!this.faults.onlyV2) return chooseProtocol(offered);
    return chooseProtocol([...offered].filter((protocol) => protocol === 'v2.bsatn.spacetimedb'));
  }

  private connectionId(url: URL): string {
    const given = url.searchParams.get('connection_id');
    if (given === null) return Buffer.from(this.context.ports.random.bytes(16)).toString('hex');
    if (!/^[0-9a-fA-F]{32}$/.test(given)) throw new Refusal(400, 'connection_id must be 32 hex digits.');
    if (/^0+$/.test(given)) {
      throw new Refusal(400, 'Invalid connection ID: the all-zeros ConnectionId is reserved.');
    }
    return given.toLowerCase();
  }
}

function parameter<Value extends string>(url: URL, name: string, values: readonly Value[]): Value | undefined {
  const given = url.searchParams.get(name);
  if (given === null) return undefined;
  const value = values.find((candidate) => candidate === given);
  if (value === undefined) throw new Refusal(400, `${name} must be one of ${values.join(', ')}.`);
  return value;
}
