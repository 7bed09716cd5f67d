import {
  canonicalJson,
  canonicalPayloadHash,
  extendChain,
  genesisChain,
  type HttpClient,
  type SocketFactory,
  type SocketHandlers,
  type SocketRequest,
} from '@autopilot/sync-contract';
import { Identity, Timestamp } from 'spacetimedb';
import { decode, encode } from '../../../packages/session/src/module/codec.ts';
import { eventRowCodecs } from '../../../packages/session/src/module/event-rows.ts';
import { type PageRequest, pageCodecs } from '../../../packages/session/src/module/pages.ts';
import { reducerArgCodecs } from '../../../packages/session/src/module/reducers.ts';
import * as bytes from './server-bytes.ts';
import type { Sim } from './sim.ts';

export interface FakeEvent {
  seq: bigint;
  kind: string;
  payload: string;
  payload_hash: string;
  idempotency_key: string;
  chain: string;
  inline: boolean;
}

export interface FakeStream {
  id: string;
  epoch: string;
  events: FakeEvent[];
  first_kept: bigint;
  fanout: 'inbox' | 'doorbell';
  route: string;
}

const committedAt = new Timestamp(1_800_000_000_000_000n);

/** A model of the host with its module, which speaks real bytes over simulated sockets. */
export class FakeHost {
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
  /** Answers the next upgrades by a status. */
  refuse:
    | ((request: SocketRequest) => { status: number; body?: string; retryAfterMs?: number } | undefined)
    | undefined;
  /** The module's client_connected throws this. */
  rejection: string | undefined;
  /** Answers the HTTP probe otherwise. */
  probeStatus: number | undefined;
  /** Takes a message away from the model. */
  intercept: ((connection: FakeConnection, message: bytes.ClientMessage) => boolean) | undefined;
  /** Milliseconds that an answer or update travels. */
  latency: () => number = () => 1;
  /** Extra milliseconds before the answer of a procedure is sent, so that it overtakes or trails updates. */
  procedureDelay: () => number = () => 0;
  pageLimit = 500;
  probes = 0;

  constructor(sim: Sim) {
    this.sim = sim;
    this.socket = (request, handlers) => {
      this.upgrades.push(request);
      const connection = new FakeConnection(this, handlers, BigInt(this.upgrades.length));
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
      if (this.probeStatus !== undefined) return { status: this.probeStatus, headers: {}, body: '' };
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
    for (let left = count; left > 0; left -= 1) {
      const stream = this.streams.get(id);
      if (stream === undefined) throw new Error(`no stream ${id}`);
      const seq = BigInt(stream.events.length + 1);
      this.appendEvent(stream, 'tick', canonicalJson({ seq: Number(seq) }), `key-${seq}`, inline);
    }
  }

  appendEvent(stream: FakeStream, kind: string, payload: string, key: string, inline = true): FakeEvent {
    const seq = BigInt(stream.events.length + 1);
    const payload_hash = canonicalPayloadHash(payload);
    const before = stream.events.at(-1)?.chain ?? genesisChain(stream.id);
    const chain = extendChain(before, { seq, kind, idempotency_key: key, payload_hash });
    const event = { seq, kind, payload, payload_hash, idempotency_key: key, chain, inline };
    stream.events.push(event);
    this.fanOut(stream, event);
    return event;
  }

  fanOut(stream: FakeStream, event: FakeEvent): void {
    for (const connection of this.open) connection.tell(stream, event);
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
    const stream = this.streams.get(request.stream_id);
    const base = { epoch: '', head: 0n, head_chain: '', first_kept: 0n, floor_chain: '', fanout: '', route: '' };
    const answer = (status: string) => encode(pageCodecs.streamPage, { ...base, status, rows: [], more: false });
    if (this.denied.has(request.stream_id)) return answer('denied');
    if (stream === undefined) return answer('unknown_stream');
    const head = BigInt(stream.events.length);
    Object.assign(base, {
      epoch: stream.epoch,
      head,
      head_chain: this.chainAt(stream, head),
      first_kept: stream.first_kept,
      floor_chain: this.chainAt(stream, stream.first_kept - 1n),
      fanout: stream.fanout,
      route: stream.fanout === 'doorbell' ? stream.route : '',
    });
    if (request.epoch !== '' && request.epoch !== stream.epoch) return answer('epoch_changed');
    if (request.epoch !== '' && request.after + 1n < stream.first_kept) return answer('retention_floor_breach');
    const after = request.epoch === '' ? stream.first_kept - 1n : request.after;
    const limit = Math.min(request.limit, this.pageLimit);
    const rows = stream.events
      .slice(Number(after), Number(after) + limit)
      .map(({ inline, chain, ...row }) => ({ ...row, committed_at: committedAt }));
    const more = after + BigInt(rows.length) < head;
    return encode(pageCodecs.streamPage, { ...base, status: 'ok', rows, more });
  }

  chainAt(stream: FakeStream, seq: bigint): string {
    return stream.events[Number(seq) - 1]?.chain ?? genesisChain(stream.id);
  }
}

/** One simulated socket, seen from both sides. */
export class FakeConnection {
  readonly host: FakeHost;
  readonly number: bigint;
  readonly sets = new Map<number, string[]>();
  readonly watches = new Set<string>();
  isOpen = false;
  /** Nothing arrives any more, but nobody says so. */
  frozen = false;
  closedWith: number | undefined;
  readonly #handlers: SocketHandlers;
  #over = false;
  #arrival = 0;
  #uplink = 0;
  #cancelPing: () => void = () => {};

  constructor(host: FakeHost, handlers: SocketHandlers, number: bigint) {
    this.host = host;
    this.#handlers = handlers;
    this.number = number;
  }

  get handlers(): SocketHandlers {
    return this.#handlers;
  }

  upgrade(refusal: { status: number; body?: string; retryAfterMs?: number } | undefined): void {
    if (this.#over) return;
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

  /** Server to client: in order, each in a frame of its own. */
  send(...messages: Uint8Array[]): void {
    this.#deliver(() => this.#handlers.message(bytes.frame(...messages)));
  }

  /** The network drops the connection. */
  cut(code = 1006, reason = ''): void {
    if (this.#over) return;
    this.#over = true;
    this.isOpen = false;
    this.#cancelPing();
    this.host.sim.after(1, () => this.#handlers.closed(code, reason));
  }

  tell(stream: FakeStream, event: FakeEvent): void {
    if (stream.fanout === 'doorbell') {
      const row = encode(eventRowCodecs.bell, { route: stream.route, seq: event.seq });
      for (const [id, queries] of this.sets) {
        if (queries[0]?.includes(`'${stream.route}'`) !== true) continue;
        this.send(bytes.transactionUpdate([{ query_set_id: id, tables: [{ table: 'bell', events: [row] }] }]));
      }
      return;
    }
    // Watches belong to connections, but the inbox to the identity: each of its connections hears what any watches.
    if (!this.host.open.some((other) => other.watches.has(stream.id))) return;
    this.live({ table: 'live_inbox', events: [this.host.liveRow(stream, event)] });
  }

  live(...tables: bytes.TableDelta[]): void {
    const id = this.liveSet;
    if (id !== undefined) this.send(bytes.transactionUpdate([{ query_set_id: id, tables }]));
  }

  get liveSet(): number | undefined {
    for (const [id, queries] of this.sets) if (queries[0] === 'SELECT * FROM live_inbox') return id;
    return undefined;
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
            message.queries.flatMap((query) => host.tables.get(query) ?? []).filter(({ rows }) => rows.length > 0),
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

  #procedure(requestId: number, name: string, args: Uint8Array): void {
    const { host } = this;
    let result: Uint8Array;
    if (name === 'read_heads') {
      const heads = [...this.watches].flatMap((id) => {
        const stream = host.streams.get(id);
        if (stream === undefined || host.denied.has(id)) return [];
        const head = BigInt(stream.events.length);
        return [{ stream_id: id, epoch: stream.epoch, head, head_chain: host.chainAt(stream, head) }];
      });
      result = encode(pageCodecs.streamHeads, heads);
      host.log.push('read_heads');
    } else if (name === 'open_stream' || name === 'read_page') {
      const request = decode(pageCodecs.pageArgs, args);
      host.log.push(`${name} ${request.stream_id} ${request.epoch} ${request.after}`);
      if (name === 'open_stream' && !host.denied.has(request.stream_id) && host.streams.has(request.stream_id)) {
        this.watches.add(request.stream_id);
      }
      result = host.page(request);
    } else {
      this.send(bytes.procedureFailed(requestId, `no procedure ${name}`));
      return;
    }
    host.sim.after(host.procedureDelay(), () => this.send(bytes.procedureReturned(requestId, result)));
  }

  #reducer(requestId: number, name: string, args: Uint8Array): void {
    const { host } = this;
    host.log.push(name);
    if (name !== 'append_sync_event') {
      if (name === 'unwatch') this.watches.delete(decode(reducerArgCodecs.stream, args).stream_id);
      this.send(bytes.reducerOk(requestId, []));
      return;
    }
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
    const tables: bytes.TableDelta[] = [];
    if (known === undefined) {
      // The caller gets its own rows inside the result, the others by an update.
      const watched = host.open.some((other) => other.watches.has(stream.id));
      this.isOpen = false;
      known = host.appendEvent(stream, draft.kind, draft.payload, draft.idempotency_key);
      this.isOpen = true;
      if (watched && stream.fanout === 'inbox') {
        tables.push({ table: 'live_inbox', events: [host.liveRow(stream, known)] });
      }
    }
    const receipt = encode(eventRowCodecs.appendReceipt, {
      recipient: new Identity(host.identity),
      stream_id: stream.id,
      idempotency_key: draft.idempotency_key,
      outcome,
      epoch: stream.epoch,
      seq: known.seq,
    });
    tables.push({ table: 'append_receipt', events: [receipt] });
    this.send(bytes.reducerOk(requestId, [{ query_set_id: set, tables }]));
  }

  // The client's side.

  receive(data: Uint8Array): void {
    const copy = data.slice();
    const at = Math.max(this.#uplink, this.host.sim.now + this.host.latency());
    this.#uplink = at;
    this.host.sim.after(at - this.host.sim.now, () => {
      if (this.#over || this.frozen) return;
      for (const message of bytes.readClientMessages(copy)) this.handle(message);
    });
  }

  close(code = 1005): void {
    if (this.#over) return;
    this.#over = true;
    this.isOpen = false;
    this.closedWith = code;
    this.#cancelPing();
    this.host.sim.after(1, () => this.#handlers.closed(code, ''));
  }

  #deliver(task: () => void): void {
    const at = Math.max(this.#arrival, this.host.sim.now + this.host.latency());
    this.#arrival = at;
    this.host.sim.after(at - this.host.sim.now, () => {
      if (!this.#over && !this.frozen) task();
    });
  }

  #ping(): void {
    this.#cancelPing = this.host.sim.after(15_000, () => {
      this.#deliver(() => this.#handlers.alive());
      this.#ping();
    });
  }
}
