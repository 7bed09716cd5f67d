import { canonicalJson, type HttpClient, type SocketFactory, type SocketRequest } from '@autopilot/sync-contract';
import { Identity } from 'spacetimedb';
import { encode } from '../../../packages/session/src/module/codec.ts';
import { eventRowCodecs } from '../../../packages/session/src/module/event-rows.ts';
import type { PageRequest } from '../../../packages/session/src/module/pages.ts';
import { type Acknowledgement, type ConnectionHost, FakeConnection, type Refusal } from './fake-connection.ts';
import {
  appendTo,
  committedAt,
  emptyPage,
  type FakeEvent,
  type FakeStream,
  pageOf,
  publicRow,
  segmentKey,
} from './fake-stream.ts';
import type { ClientMessage } from './server-bytes.ts';
import type { Sim } from './sim.ts';

export type { FakeConnection } from './fake-connection.ts';
export type { FakeStream } from './fake-stream.ts';

/** A model of the host with its module, which speaks real bytes over simulated sockets. */
export class FakeHost implements ConnectionHost {
  readonly sim: Sim;
  readonly streams = new Map<string, FakeStream>();
  readonly connections: FakeConnection[] = [];
  /** Every upgrade that was asked for. */
  readonly upgrades: SocketRequest[] = [];
  readonly log: string[] = [];
  readonly denied = new Set<string>();
  readonly http: HttpClient;
  readonly socket: SocketFactory;
  identity = 0xc200_0001n;
  protocol = 'v3.bsatn.spacetimedb';
  /** Rows of ordinary tables and views, by query. */
  readonly tables = new Map<string, { table: string; rows: Uint8Array[] }[]>();
  /** Answers the next upgrades otherwise. */
  refuse: ((request: SocketRequest) => Refusal | undefined) | undefined;
  /** The module's client_connected throws this. */
  rejection: string | undefined;
  /** Answers the HTTP probe otherwise. */
  probeStatus: number | undefined;
  probeHeaders: Record<string, string> = {};
  intercept: ((connection: FakeConnection, message: ClientMessage) => boolean) | undefined;
  transmit: ((connection: FakeConnection, frame: Uint8Array) => readonly Uint8Array[]) | undefined;
  acknowledged: ((ack: Acknowledgement) => void) | undefined;
  tokenEnd: ((connection: FakeConnection) => number) | undefined;
  /** Milliseconds that an answer or update travels. */
  latency: () => number = () => 1;
  /** Extra milliseconds before the answer of a procedure is sent, so that it overtakes or trails updates. */
  procedureDelay: () => number = () => 0;
  pageLimit = 500;
  pingMs = 15_000;
  leaseMs = Number.POSITIVE_INFINITY;
  probes = 0;

  constructor(sim: Sim) {
    this.sim = sim;
    this.socket = (request, handlers) => {
      this.upgrades.push(request);
      const connection = new FakeConnection(this, request, handlers, BigInt(this.upgrades.length));
      this.connections.push(connection);
      sim.after(this.latency(), () => connection.upgrade(this.refuse?.(request)));
      return {
        send: (data) => {
          if (typeof data === 'string') throw new Error('The protocol of the host has no text frames.');
          connection.receive(data);
        },
        bufferedBytes: 0,
        close: (code) => connection.close(code),
        terminate: () => connection.cut(),
      };
    };
    this.http = async (request) => {
      this.probes += 1;
      if (request.signal?.aborted === true) throw new Error('aborted');
      if (this.probeStatus !== undefined) return { status: this.probeStatus, headers: this.probeHeaders, body: '' };
      if (this.rejection !== undefined) return { status: 403, headers: {}, body: this.rejection };
      return { status: 200, headers: {}, body: '[]' };
    };
  }

  get open(): FakeConnection[] {
    return this.connections.filter((connection) => connection.isOpen);
  }

  stream(id: string, options: Partial<Pick<FakeStream, 'fanout' | 'route' | 'epoch'>> = {}): FakeStream {
    const stream: FakeStream = {
      id,
      epoch: 'epoch-1',
      events: [],
      first_kept: 1n,
      fanout: 'inbox',
      route: `route-of-${id}`,
      ...options,
    };
    this.streams.set(id, stream);
    return stream;
  }

  /** Commits events, each in its own transaction. */
  append(id: string, count = 1, inline = true): void {
    for (let left = count; left > 0; left -= 1) this.appendTogether(id, 1, inline);
  }

  /** Commits events in one transaction. */
  appendTogether(id: string, count: number, inline = true): void {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new Error(`no stream ${id}`);
    const events: FakeEvent[] = [];
    for (let left = count; left > 0; left -= 1) {
      const seq = stream.events.length + 1;
      events.push(appendTo(stream, 'tick', canonicalJson({ seq }), `key-${seq}`, inline));
    }
    this.#fanOut(stream, events);
  }

  /** Commits an event of a caller, who hears of it by the answer to the call. */
  appendEvent(stream: FakeStream, kind: string, payload: string, key: string, caller?: FakeConnection): FakeEvent {
    const event = appendTo(stream, kind, payload, key, true);
    this.#fanOut(stream, [event], caller);
    return event;
  }

  liveRow(stream: FakeStream, event: FakeEvent): Uint8Array {
    return encode(eventRowCodecs.liveInbox, {
      recipient: new Identity(this.identity),
      stream_id: stream.id,
      epoch: stream.epoch,
      seq: event.seq,
      kind: event.kind,
      payload: event.inline ? event.payload : '',
      inline: event.inline,
      payload_hash: event.payload_hash,
      idempotency_key: event.idempotency_key,
      committed_at: committedAt,
      chain: event.chain,
    });
  }

  /** The rows that a query has at its beginning. */
  baseline(query: string): { table: string; rows: Uint8Array[] }[] {
    const [, key] = /^SELECT \* FROM public_event WHERE segment_key = '(.*)'$/.exec(query) ?? [];
    if (key === undefined) return this.tables.get(query) ?? [];
    const rows: Uint8Array[] = [];
    for (const stream of this.streams.values()) {
      if (stream.fanout !== 'public' || !key.startsWith(`${stream.route}:`)) continue;
      for (const event of stream.events) {
        const kept = event.seq >= stream.first_kept;
        if (kept && segmentKey(stream, event.seq) === key) rows.push(publicRow(stream, event));
      }
    }
    // As a table gives them: in no order.
    return [{ table: 'public_event', rows: rows.reverse() }];
  }

  notice(id: string, notice: string): void {
    const row = encode(eventRowCodecs.streamNotice, {
      recipient: new Identity(this.identity),
      stream_id: id,
      notice,
      detail: '',
    });
    if (notice === 'revoked') this.denied.add(id);
    for (const connection of this.open) connection.live({ table: 'stream_notice', events: [row] });
  }

  signal(id: string, payload: string): void {
    const row = encode(eventRowCodecs.transientSignal, {
      recipient: new Identity(this.identity),
      stream_id: id,
      kind: 'progress',
      payload,
      sender: new Identity(this.identity),
    });
    for (const connection of this.open) connection.live({ table: 'transient_signal', events: [row] });
  }

  page(request: PageRequest): Uint8Array {
    if (this.denied.has(request.stream_id)) return emptyPage('denied');
    const stream = this.streams.get(request.stream_id);
    return stream === undefined ? emptyPage('unknown_stream') : pageOf(stream, request, this.pageLimit);
  }

  /** Changes the rows of a query in one transaction: what its subscribers hold afterwards is `rows`. */
  setRows(query: string, table: string, rows: readonly Uint8Array[]): void {
    const before = this.tables.get(query)?.find((held) => held.table === table)?.rows ?? [];
    this.tables.set(query, [{ table, rows: [...rows] }]);
    const inserts = rows.filter((row) => !before.some((other) => Buffer.compare(other, row) === 0));
    const deletes = before.filter((row) => !rows.some((other) => Buffer.compare(other, row) === 0));
    if (inserts.length + deletes.length === 0) return;
    for (const connection of this.open) connection.changed(query, { table, inserts, deletes });
  }

  /** Watches belong to connections, but the inbox to the identity: each of its connections hears what any watches. */
  isWatched(id: string): boolean {
    return this.connections.some((connection) => connection.isOpen && connection.watching(id));
  }

  #fanOut(stream: FakeStream, events: readonly FakeEvent[], caller?: FakeConnection): void {
    const watched = this.isWatched(stream.id);
    for (const connection of this.open) if (connection !== caller) connection.tell(stream, events, watched);
  }
}
