import type { SocketHandlers, SocketRequest } from '@autopilot/sync-contract';
import { Identity } from 'spacetimedb';
import { decode, encode } from '../../../packages/session/src/module/codec.ts';
import { eventRowCodecs } from '../../../packages/session/src/module/event-rows.ts';
import { type PageRequest, pageCodecs } from '../../../packages/session/src/module/pages.ts';
import { reducerArgCodecs } from '../../../packages/session/src/module/reducers.ts';
import { sqlText } from '../../../packages/session/src/sources/source.ts';
import { chainAt, emptyPage, type FakeEvent, type FakeStream, publicRow, segmentKey } from './fake-stream.ts';
import * as bytes from './server-bytes.ts';
import type { Sim } from './sim.ts';

/** How an upgrade ends otherwise: with a status, by a connection that is cut, or without any answer. */
export type Refusal = { status: number; body?: string; retryAfterMs?: number } | 'cut' | 'lost';

/** A place that a client says it has stored. */
export interface Acknowledgement {
  readonly client_id: string;
  readonly stream_id: string;
  readonly epoch: string;
  readonly seq: bigint;
  readonly chain: string;
}

/** What a connection needs of its host; see `FakeHost`. */
export interface ConnectionHost {
  readonly sim: Sim;
  readonly streams: ReadonlyMap<string, FakeStream>;
  readonly denied: ReadonlySet<string>;
  readonly log: string[];
  readonly identity: bigint;
  readonly protocol: string;
  readonly rejection: string | undefined;
  /** Milliseconds between two pings. */
  readonly pingMs: number;
  /** Milliseconds that a watch lives without being renewed; no longer than the token in any case. */
  readonly leaseMs: number;
  /** Takes a message away from the model. */
  readonly intercept: ((connection: FakeConnection, message: bytes.ClientMessage) => boolean) | undefined;
  /** What becomes of a frame on its way to the client. */
  readonly transmit: ((connection: FakeConnection, frame: Uint8Array) => readonly Uint8Array[]) | undefined;
  /** When the token of a connection is over, by the host's clock; undefined: never. */
  readonly tokenEnd: ((connection: FakeConnection) => number) | undefined;
  latency(): number;
  procedureDelay(): number;
  page(request: PageRequest): Uint8Array;
  baseline(query: string): { table: string; rows: Uint8Array[] }[];
  liveRow(stream: FakeStream, event: FakeEvent): Uint8Array;
  isWatched(streamId: string): boolean;
  /** Hears of a checkpoint that a client has acknowledged. */
  readonly acknowledged: ((ack: Acknowledgement) => void) | undefined;
  appendEvent(stream: FakeStream, kind: string, payload: string, key: string, caller?: FakeConnection): FakeEvent;
}

/** One simulated socket, seen from both sides. */
export class FakeConnection {
  readonly host: ConnectionHost;
  readonly request: SocketRequest;
  readonly number: bigint;
  readonly sets = new Map<number, string[]>();
  readonly watches = new Set<string>();
  isOpen = false;
  /** Nothing arrives any more, but nobody says so. */
  frozen = false;
  closedWith: number | undefined;
  readonly #handlers: SocketHandlers;
  /** When each watch ends; one that a test has added by itself has no end. */
  readonly #leases = new Map<string, number>();
  #over = false;
  #arrival = 0;
  #uplink = 0;
  #cancelPing: () => void = () => {};

  constructor(host: ConnectionHost, request: SocketRequest, handlers: SocketHandlers, number: bigint) {
    this.host = host;
    this.request = request;
    this.#handlers = handlers;
    this.number = number;
  }

  get handlers(): SocketHandlers {
    return this.#handlers;
  }

  get liveSet(): number | undefined {
    return this.#setOf('SELECT * FROM live_inbox');
  }

  watching(streamId: string): boolean {
    return this.watches.has(streamId) && (this.#leases.get(streamId) ?? Number.POSITIVE_INFINITY) > this.host.sim.now;
  }

  upgrade(refusal: Refusal | undefined): void {
    if (this.#over || this.frozen || refusal === 'lost') return;
    if (refusal === 'cut') {
      this.cut();
      return;
    }
    if (refusal !== undefined) {
      this.#over = true;
      this.#handlers.refused(refusal.status, refusal.body ?? '', refusal.retryAfterMs);
      return;
    }
    this.isOpen = true;
    this.#handlers.opened(this.host.protocol);
    if (this.host.rejection !== undefined) this.cut();
    else this.send(bytes.initialConnection(this.host.identity, this.number, 'T'));
    this.#ping();
  }

  /** Server to client: in order, all in one frame. */
  send(...messages: Uint8Array[]): void {
    const frame = bytes.frame(...messages);
    const { transmit } = this.host;
    if (transmit === undefined) this.deliver(frame);
    else for (const one of transmit(this, frame)) this.deliver(one);
  }

  /** Server to client: bytes that travel like a frame. */
  deliver(frame: Uint8Array): void {
    this.#travel(() => this.#handlers.message(frame));
  }

  /** The network drops the connection. */
  cut(code = 1006, reason = ''): void {
    if (!this.#finish()) return;
    this.host.sim.after(1, () => this.#handlers.closed(code, reason));
  }

  /** The events of one transaction; `watched` says whether the inbox of the identity gets them. */
  tell(stream: FakeStream, events: readonly FakeEvent[], watched: boolean): void {
    const deltas = this.#deltas(stream, events, watched);
    if (deltas.length > 0) this.send(bytes.transactionUpdate(deltas));
  }

  live(...tables: bytes.TableDelta[]): void {
    // The set of a connection that does not read the inbox as a whole begins with the second table.
    const other = tables[0]?.table === 'live_inbox' ? undefined : this.#setOf('SELECT * FROM stream_notice');
    const id = this.liveSet ?? other;
    if (id !== undefined) this.send(bytes.transactionUpdate([{ query_set_id: id, tables }]));
  }

  /** The rows of a query have changed. */
  changed(query: string, delta: bytes.TableDelta): void {
    for (const [id, queries] of this.sets) {
      if (queries.includes(query)) this.send(bytes.transactionUpdate([{ query_set_id: id, tables: [delta] }]));
    }
  }

  handle(message: bytes.ClientMessage): void {
    const { host } = this;
    if (host.intercept?.(this, message) === true) return;
    switch (message.type) {
      case 'subscribe':
        host.log.push(`subscribe ${message.queries.join('; ')}`);
        this.sets.set(message.query_set_id, message.queries);
        this.send(
          bytes.subscribeApplied(
            message.request_id,
            message.query_set_id,
            message.queries.flatMap((query) => host.baseline(query)).filter(({ rows }) => rows.length > 0),
          ),
        );
        return;
      case 'unsubscribe':
        this.sets.delete(message.query_set_id);
        this.send(bytes.unsubscribeApplied(message.request_id, message.query_set_id));
        return;
      case 'procedure':
        this.#procedure(message.request_id, message.name, message.args);
        return;
      case 'reducer':
        this.#reducer(message.request_id, message.name, message.args);
        return;
      case 'one-off':
        throw new Error('not modelled');
    }
  }

  get #tokenIsOver(): boolean {
    return (this.host.tokenEnd?.(this) ?? Number.POSITIVE_INFINITY) <= this.host.sim.now;
  }

  #setOf(firstQuery: string): number | undefined {
    for (const [id, queries] of this.sets) if (queries[0] === firstQuery) return id;
    return undefined;
  }

  /** What its query sets get of one transaction of a stream. */
  #deltas(stream: FakeStream, events: readonly FakeEvent[], watched: boolean): bytes.SetDelta[] {
    const deltas: bytes.SetDelta[] = [];
    const add = (query: string, table: bytes.TableDelta) => {
      for (const [id, queries] of this.sets)
        if (queries.includes(query)) deltas.push({ query_set_id: id, tables: [table] });
    };
    if (stream.fanout === 'inbox' && watched) {
      const rows = { table: 'live_inbox', events: events.map((event) => this.host.liveRow(stream, event)) };
      add('SELECT * FROM live_inbox', rows);
      add(`SELECT * FROM live_inbox WHERE stream_id = ${sqlText(stream.id)}`, rows);
    } else if (stream.fanout === 'doorbell') {
      const rung = events.map((event) => encode(eventRowCodecs.bell, { route: stream.route, seq: event.seq }));
      add(`SELECT * FROM bell WHERE route = ${sqlText(stream.route)}`, { table: 'bell', events: rung });
    } else if (stream.fanout === 'public') {
      for (const key of new Set(events.map(({ seq }) => segmentKey(stream, seq)))) {
        const inserts = events
          .filter(({ seq }) => segmentKey(stream, seq) === key)
          .map((event) => publicRow(stream, event));
        add(`SELECT * FROM public_event WHERE segment_key = ${sqlText(key)}`, { table: 'public_event', inserts });
      }
    }
    return deltas;
  }

  #lease(streamId: string): void {
    const { host } = this;
    const end = host.tokenEnd?.(this) ?? Number.POSITIVE_INFINITY;
    this.#leases.set(streamId, Math.min(host.sim.now + host.leaseMs, end));
  }

  #procedure(requestId: number, name: string, args: Uint8Array): void {
    const { host } = this;
    let result: Uint8Array;
    if (name === 'read_heads') {
      host.log.push('read_heads');
      if (this.#tokenIsOver) {
        // A procedure that throws is a trap: why it did is told to the log of the host only.
        this.send(bytes.procedureFailed(requestId, 'The instance encountered a fatal error.'));
        return;
      }
      const heads = [...this.watches].flatMap((id) => {
        const stream = host.streams.get(id);
        if (stream === undefined || host.denied.has(id)) return [];
        const head = BigInt(stream.events.length);
        return [{ stream_id: id, epoch: stream.epoch, head, head_chain: chainAt(stream, head) }];
      });
      result = encode(pageCodecs.streamHeads, heads);
    } else if (name === 'open_stream' || name === 'read_page') {
      const request = decode(pageCodecs.pageArgs, args);
      host.log.push(`${name} ${request.stream_id} ${request.epoch} ${request.after}`);
      const readable = !this.#tokenIsOver && !host.denied.has(request.stream_id) && host.streams.has(request.stream_id);
      if (name === 'open_stream' && readable) {
        this.watches.add(request.stream_id);
        this.#lease(request.stream_id);
      }
      result = this.#tokenIsOver ? emptyPage('token_expired') : host.page(request);
    } else {
      this.send(bytes.procedureFailed(requestId, `no procedure ${name}`));
      return;
    }
    host.sim.after(host.procedureDelay(), () => this.send(bytes.procedureReturned(requestId, result)));
  }

  #reducer(requestId: number, name: string, args: Uint8Array): void {
    const { host } = this;
    host.log.push(name);
    if (this.#tokenIsOver) {
      this.send(bytes.reducerError(requestId, 'token_expired: the token is over'));
      return;
    }
    if (name === 'unwatch') this.watches.delete(decode(reducerArgCodecs.stream, args).stream_id);
    if (name === 'renew_watches') for (const id of this.watches) this.#lease(id);
    if (name === 'ack_checkpoint') host.acknowledged?.(decode(reducerArgCodecs.ackCheckpoint, args));
    if (name === 'append_sync_event') this.#append(requestId, args);
    else this.send(bytes.reducerOk(requestId, []));
  }

  #append(requestId: number, args: Uint8Array): void {
    const { host } = this;
    const draft = decode(reducerArgCodecs.appendSyncEvent, args);
    const stream = host.streams.get(draft.stream_id);
    if (stream === undefined) {
      this.send(bytes.reducerError(requestId, 'unknown_stream: no such stream'));
      return;
    }
    let known = stream.events.find((event) => event.idempotency_key === draft.idempotency_key);
    const outcome = known === undefined ? 'appended' : 'duplicate';
    if (known !== undefined && known.payload_hash !== draft.payload_hash) {
      this.send(bytes.reducerError(requestId, 'idempotency_conflict: another payload'));
      return;
    }
    const set = this.liveSet ?? 0;
    const deltas: bytes.SetDelta[] = [];
    if (known === undefined) {
      // The caller gets its own rows inside the result, the others by an update.
      const watched = host.isWatched(stream.id);
      known = host.appendEvent(stream, draft.kind, draft.payload, draft.idempotency_key, this);
      deltas.push(...this.#deltas(stream, [known], watched));
    }
    const receipt = encode(eventRowCodecs.appendReceipt, {
      recipient: new Identity(host.identity),
      stream_id: stream.id,
      idempotency_key: draft.idempotency_key,
      outcome,
      epoch: stream.epoch,
      seq: known.seq,
    });
    const own = { table: 'append_receipt', events: [receipt] };
    const live = deltas.find(({ query_set_id }) => query_set_id === set);
    if (live === undefined) deltas.unshift({ query_set_id: set, tables: [own] });
    else live.tables.push(own);
    this.send(bytes.reducerOk(requestId, deltas));
  }

  // The client's side.

  receive(data: Uint8Array): void {
    const copy = data.slice();
    const { sim } = this.host;
    const now = sim.ports.clock.monotonic();
    const at = Math.max(this.#uplink, now + this.host.latency());
    this.#uplink = at;
    sim.after(at - now, () => {
      if (this.#over || this.frozen) return;
      for (const message of bytes.readClientMessages(copy)) this.handle(message);
    });
  }

  close(code = 1005): void {
    // The closing handshake of a dead connection never ends.
    if (this.frozen || !this.#finish()) return;
    this.closedWith = code;
    this.host.sim.after(1, () => this.#handlers.closed(code, ''));
  }

  #travel(task: () => void): void {
    const { sim } = this.host;
    const now = sim.ports.clock.monotonic();
    const at = Math.max(this.#arrival, now + this.host.latency());
    this.#arrival = at;
    sim.after(at - now, () => {
      if (!this.#over && !this.frozen) task();
    });
  }

  /** False when the connection was over before. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.isOpen = false;
    this.#cancelPing();
    return true;
  }

  #ping(): void {
    this.#cancelPing = this.host.sim.after(this.host.pingMs, () => {
      this.#travel(() => this.#handlers.alive());
      this.#ping();
    });
  }
}
