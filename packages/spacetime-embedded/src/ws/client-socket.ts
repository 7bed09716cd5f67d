import type { Duplex } from 'node:stream';
import type { Ports } from '@autopilot/sync-contract';
import type { WebSocket } from 'ws';
import type { Claims } from '../auth/claims.ts';
import type { ReducerResult } from '../engine/database.ts';
import type { Limits } from '../limits.ts';
import type { ServedDatabase } from '../served-database.ts';
import type { Subscriber } from '../subscription/subscriber.ts';
import { QuerySetInUse } from '../subscription/subscriptions.ts';
import type { ClientMessage } from '../wire/client-message.ts';
import { type Compression, serverPayload } from '../wire/frame.ts';
import type { Protocol } from '../wire/protocol.ts';
import { type QuerySetUpdate, type ReducerOutcome, serverMessage } from '../wire/server-message.ts';
import type { ConnectedClient } from './connected-client.ts';
import { FrameSender } from './frame-sender.ts';
import { Inbox } from './inbox.ts';
import { Liveness } from './liveness.ts';
import { Outbox } from './outbox.ts';

const closeHandshakeTimeout = 250;
/** A close reason has at most 123 bytes. */
const longestReason = 123;

/** What a connection is opened with. */
export interface ClientSocketOptions {
  readonly socket: WebSocket;
  readonly stream: Duplex;
  readonly database: ServedDatabase;
  readonly ports: Ports;
  readonly limits: Limits;
  readonly protocol: Protocol;
  readonly compression: Compression;
  readonly confirmed: boolean;
  readonly claims: Claims;
  /** The token that was presented, or minted. It is echoed to the client. */
  readonly token: string;
  /** 32 hex digits. */
  readonly connectionId: string;
}

/** One connected client. */
export class ClientSocket implements Subscriber, ConnectedClient {
  readonly identity: string;
  readonly isOwner: boolean;
  readonly connectionId: string;
  private readonly options: ClientSocketOptions;
  private readonly sender: FrameSender;
  private readonly outbox: Outbox;
  private readonly liveness: Liveness;
  private readonly inbox: Inbox;
  private isGone = false;

  /** @throws {ClientRejected} when the module refuses the client; the caller then drops the socket. */
  constructor(options: ClientSocketOptions) {
    const { claims, database, socket, ports, limits } = options;
    this.options = options;
    this.identity = claims.identity;
    this.isOwner = claims.identity === database.engine.owner;
    this.connectionId = options.connectionId;
    database.engine.connect({
      identity: this.identity,
      connectionId: this.connectionId,
      jwtPayload: claims.payload,
    });
    const sender = new FrameSender(socket, options.stream);
    this.sender = sender;
    this.outbox = new Outbox({
      protocol: options.protocol,
      longest: limits.outbox,
      confirmed: options.confirmed,
      durableOffset: () => database.engine.durableOffset,
      untilDurable: () => database.waiting.add(this),
      transmit: (body, sent) => sender.send(serverPayload(options.compression, body), sent),
      overflow: () => this.drop(),
    });
    this.liveness = new Liveness(ports, limits, { ping: () => socket.ping(), dead: () => this.drop() });
    this.inbox = new Inbox(ports.scheduler, limits.inbox, {
      handle: (message) => this.handle(message),
      malformed: (reason) => this.close(1011, `malformed message: ${reason}`),
      overflow: () => this.close(1013, 'too many requests'),
    });
    database.clients.add(this);
    socket.on('message', (data: Buffer, isBinary) => this.received(data, isBinary));
    socket.on('ping', () => this.liveness.heard());
    socket.on('pong', () => this.liveness.ponged());
    socket.on('close', () => this.gone());
    const identity = BigInt(`0x${this.identity}`);
    this.send(serverMessage.initialConnection(identity, BigInt(`0x${this.connectionId}`), options.token), undefined);
  }

  send(message: Uint8Array, offset: bigint | undefined): void {
    this.outbox.push(message, offset);
  }

  wake(): void {
    this.outbox.wake();
  }

  stall(isStalled: boolean): void {
    this.outbox.pause(isStalled);
    if (isStalled) this.options.socket.pause();
    else this.options.socket.resume();
  }

  close(code: number, reason: string): void {
    const { socket, ports } = this.options;
    this.gone();
    socket.resume();
    this.sender.finish();
    socket.close(code, truncated(reason));
    const cancel = ports.scheduler.after(closeHandshakeTimeout, () => socket.terminate());
    socket.once('close', cancel);
  }

  drop(): void {
    this.gone();
    this.options.socket.terminate();
  }

  private received(data: Uint8Array, isBinary: boolean): void {
    if (this.isGone) return;
    this.liveness.heard();
    if (isBinary) this.inbox.receive(this.options.protocol, data);
    else this.close(1011, 'text frames are not part of this protocol');
  }

  private handle(message: ClientMessage): void {
    const { subscriptions } = this.options.database;
    try {
      switch (message.type) {
        case 'Subscribe':
          subscriptions.subscribe(this, message.requestId, message.querySetId, message.queries);
          break;
        case 'Unsubscribe':
          subscriptions.unsubscribe(this, message.requestId, message.querySetId, message.sendDroppedRows);
          break;
        case 'OneOffQuery':
          subscriptions.oneOff(this, message.requestId, message.query);
          break;
        case 'CallReducer':
          this.callReducer(message.requestId, message.name, message.args);
          break;
        case 'CallProcedure':
          void this.callProcedure(message.requestId, message.name, message.args);
          break;
      }
    } catch (error) {
      if (error instanceof QuerySetInUse) this.close(1011, error.message);
      else this.close(1011, 'the host cannot go on; see its log');
    }
  }

  private callReducer(requestId: number, name: string, args: Uint8Array): void {
    const { engine, subscriptions } = this.options.database;
    const request = subscriptions.request(this);
    const { identity, connectionId } = this;
    const result = engine.callReducer(name, args, { identity, connectionId, request });
    const outcome = reducerOutcome(result, subscriptions.taken(request));
    const offset = result.outcome === 'committed' ? result.offset : undefined;
    this.send(serverMessage.reducerResult(requestId, result.timestamp, outcome), offset);
  }

  private async callProcedure(requestId: number, name: string, args: Uint8Array): Promise<void> {
    const { identity, connectionId } = this;
    try {
      const result = await this.options.database.engine.callProcedure(name, args, { identity, connectionId });
      const value = result.outcome === 'returned' ? result.value : { error: result.message };
      const offset = result.outcome === 'returned' ? result.offset : undefined;
      this.send(serverMessage.procedureResult(requestId, result.timestamp, result.durationMicros, value), offset);
    } catch {
      if (!this.isGone) this.close(1011, 'the host cannot go on; see its log');
    }
  }

  private gone(): void {
    if (this.isGone) return;
    this.isGone = true;
    const { database } = this.options;
    this.inbox.stop();
    this.outbox.stop();
    this.liveness.stop();
    database.clients.delete(this);
    database.waiting.delete(this);
    database.subscriptions.remove(this);
    database.engine.disconnect(this.connectionId);
  }
}

function reducerOutcome(result: ReducerResult, querySets: readonly QuerySetUpdate[]): ReducerOutcome {
  switch (result.outcome) {
    case 'committed':
      return { outcome: 'ok', querySets };
    case 'failed':
      return { outcome: 'error', message: result.message };
    case 'internal':
      return { outcome: 'internal', message: result.message };
  }
}

function truncated(reason: string): string {
  const bytes = Buffer.from(reason);
  // A character that is cut in two is left out.
  if (bytes.length <= longestReason) return reason;
  return new TextDecoder().decode(bytes.subarray(0, longestReason - 3)).replace(/\uFFFD$/, '');
}
