import { canonicalJson, type HttpResponse, type SocketRequest } from '@autopilot/sync-contract';
import { decode, encode } from '../../../packages/session/src/module/codec.ts';
import { type PageRequest, pageCodecs } from '../../../packages/session/src/module/pages.ts';
import { viewCodecs, viewQueries } from '../../../packages/session/src/module/views.ts';
import type { Acknowledgement, FakeConnection, Refusal } from '../fake-host/fake-connection.ts';
import { FakeHost } from '../fake-host/fake-host.ts';
import { appendTo, emptyPage, type FakeStream, pageOf } from '../fake-host/fake-stream.ts';
import {
  type ClientMessage,
  procedureFailed,
  procedureReturned,
  subscriptionError,
} from '../fake-host/server-bytes.ts';
import type { Sim } from '../fake-host/sim.ts';
import type { Chance } from './chance.ts';
import type { Control } from './control.ts';
import type { Network } from './network.ts';
import type { PlannedStream, Settings } from './plan.ts';
import type { Report } from './report.ts';
import { ServerLog } from './server-log.ts';

/** So often a page after one place may be asked for in this time. */
const mostPages = 30;
const pageWindowMs = 2_000;
/** A host that has heard nothing of a frozen connection for so long gives it up. */
const hostPatienceMs = 20_000;

/** What a server is made of. */
export interface ServerParts {
  readonly sim: Sim;
  readonly settings: Settings;
  readonly control: Control;
  readonly network: Network;
  readonly chance: Chance;
  readonly report: Report;
}

/** The host of a run: the model with its authoritative log, and what can go wrong with it. */
export class Server {
  readonly host: FakeHost;
  readonly log = new ServerLog();
  /** Upgrades to come that are answered by a status. */
  readonly refusals: number[] = [];
  /** Pages to come that are none. */
  readonly pageFailures: ('trap' | 'garbage' | 'empty')[] = [];
  readonly #sim: Sim;
  readonly #control: Control;
  #down: 'cut' | 'lost' | 503 | undefined;
  readonly #pages = new Map<string, number[]>();
  readonly #report: Report;
  #lives = 0;

  constructor(parts: ServerParts) {
    const { sim, settings, control, network, chance } = parts;
    this.#report = parts.report;
    this.#sim = sim;
    this.#control = control;
    const host = new FakeHost(sim);
    this.host = host;
    host.latency = () => network.latency();
    host.procedureDelay = () => chance.whole(0, settings.pageDelayMs);
    host.transmit = (connection, frame) => network.transmit(connection, frame);
    host.tokenEnd = (connection) => control.endForModule(tokenOf(connection.request.headers.authorization));
    host.refuse = (request) => this.#refusal(request);
    host.intercept = (connection, message) => this.#intercept(connection, message);
    host.leaseMs = settings.leaseMs;
    host.pingMs = Math.floor(settings.watchdogMs / 2.5);
    host.acknowledged = (ack) => this.#acknowledged(ack);
    for (const stream of settings.streams) this.#begin(stream);
    this.#tellGrants();
  }

  /** The streams that the client may read. */
  get granted(): readonly string[] {
    return [...this.host.streams.keys()].filter((id) => !this.host.denied.has(id));
  }

  /** Answers the HTTP probe of a session. */
  probe(authorization: string): HttpResponse {
    const answer = (status: number, body: string) => ({ status, headers: {}, body });
    if (this.#down !== undefined) throw new Error('No answer.');
    if (!this.#control.accepts(tokenOf(authorization))) return answer(401, '');
    return this.host.rejection === undefined ? answer(200, '[]') : answer(403, this.host.rejection);
  }

  append(id: string, count: number, apart: boolean, large: boolean): void {
    // A retired stream has no log, and nobody appends to a host that is down.
    if (this.#down !== undefined || !this.host.streams.has(id)) return;
    if (apart) this.host.append(id, count, !large);
    else this.host.appendTogether(id, count, !large);
  }

  /** Another life of a stream, under another epoch. */
  rebuild(id: string, notice: boolean, events: number, firstKept: number): void {
    const { host } = this;
    const old = host.streams.get(id);
    if (old === undefined || this.#down !== undefined) return;
    if (notice) {
      host.notice(id, 'retired');
      for (const connection of host.connections) connection.watches.delete(id);
    }
    this.#begin({ id, fanout: old.fanout, backlog: events, firstKept });
  }

  retain(id: string, keep: number): void {
    const stream = this.host.streams.get(id);
    if (stream === undefined || this.#down !== undefined) return;
    const floor = BigInt(Math.max(0, stream.events.length - keep)) + 1n;
    if (floor <= stream.first_kept) return;
    stream.first_kept = floor;
    this.log.floor(stream);
  }

  /** Every connection ends, and for a while nobody gets through. */
  restart(downMs: number, answer: 'cut' | 'lost' | 503, rebuilt: 'same' | 'other' | undefined): void {
    if (this.#down !== undefined) return;
    this.#down = answer;
    for (const connection of this.host.open) {
      if (answer === 'lost') {
        // The program that held it is gone, and nobody is left to say so.
        connection.frozen = true;
        connection.isOpen = false;
      } else {
        connection.cut(1012);
      }
    }
    if (rebuilt !== undefined) for (const stream of [...this.host.streams.values()]) this.#reload(stream, rebuilt);
    this.#sim.after(downMs, () => {
      this.#down = undefined;
    });
  }

  cut(code: number): void {
    for (const connection of this.host.open) connection.cut(code);
  }

  /** No bytes and no close, of those that are being opened as well. */
  freeze(): void {
    for (const connection of this.host.connections) this.#freeze(connection);
  }

  revoke(id: string, forMs: number): void {
    const { host } = this;
    const stream = host.streams.get(id);
    if (stream === undefined || this.#down !== undefined || host.denied.has(id)) return;
    host.notice(id, 'revoked');
    for (const connection of host.connections) connection.watches.delete(id);
    if (stream.fanout === 'doorbell') this.#rotateRoute(stream);
    this.#tellGrants();
    this.#sim.after(forMs, () => {
      host.denied.delete(id);
      this.#tellGrants();
    });
  }

  loseWatch(id: string): void {
    for (const connection of this.host.connections) connection.watches.delete(id);
  }

  loseQueries(): void {
    for (const connection of this.host.open) {
      for (const id of connection.sets.keys()) connection.send(subscriptionError(undefined, id, 'The query failed.'));
      connection.sets.clear();
    }
  }

  reject(text: string, forMs: number): void {
    this.host.rejection = text;
    this.#sim.after(forMs, () => {
      if (this.host.rejection === text) this.host.rejection = undefined;
    });
  }

  /** Everything is in order again. */
  repair(): void {
    this.#down = undefined;
    this.refusals.length = 0;
    this.pageFailures.length = 0;
    this.host.rejection = undefined;
    this.host.denied.clear();
    this.#tellGrants();
  }

  /** The view of grants: every stream that is not denied. */
  #tellGrants(): void {
    const rows = this.granted.map((stream_id) =>
      encode(viewCodecs.myStreams, { stream_id, role: 'reader', expires_at: undefined }),
    );
    this.host.setRows(viewQueries.myStreams, 'my_streams', rows);
  }

  #acknowledged({ stream_id, epoch, seq, chain }: Acknowledgement): void {
    if (this.log.chain(stream_id, epoch, seq) === chain) return;
    this.#report.fail('receipt', `${stream_id} ${epoch}:${seq} is acknowledged with another chain than the host has.`);
  }

  #begin({ id, fanout, backlog, firstKept }: PlannedStream): void {
    this.#lives += 1;
    const stream = this.host.stream(id, { fanout, epoch: `epoch-${this.#lives}`, route: `route-${this.#lives}` });
    for (let seq = 1; seq <= backlog; seq += 1) this.#appendSilently(stream, seq);
    stream.first_kept = BigInt(firstKept);
    this.log.begin(stream);
  }

  /** The host comes back from a copy: the same events or others, under another epoch. */
  #reload(old: FakeStream, content: 'same' | 'other'): void {
    const backlog = content === 'same' ? old.events.length : Math.floor(old.events.length / 2);
    this.#begin({ id: old.id, fanout: old.fanout, backlog, firstKept: 1 });
  }

  #appendSilently(stream: FakeStream, seq: number): void {
    appendTo(stream, 'tick', canonicalJson({ seq }), `key-${seq}`, true);
  }

  #rotateRoute(stream: FakeStream): void {
    this.#lives += 1;
    stream.route = `route-${this.#lives}`;
  }

  #freeze(connection: FakeConnection): void {
    if (connection.frozen) return;
    connection.frozen = true;
    this.#sim.after(hostPatienceMs, () => {
      connection.isOpen = false;
    });
  }

  #refusal(request: SocketRequest): Refusal | undefined {
    if (this.#down !== undefined) return this.#down === 503 ? { status: 503 } : this.#down;
    const status = this.refusals.shift();
    if (status === 429) return { status, retryAfterMs: 1_500 };
    if (status !== undefined) return { status };
    return this.#control.accepts(tokenOf(request.headers.authorization)) ? undefined : { status: 401 };
  }

  #intercept(connection: FakeConnection, message: ClientMessage): boolean {
    if (message.type !== 'procedure' || message.name === 'read_heads') return false;
    const request = decode(pageCodecs.pageArgs, message.args);
    this.#notePage(request);
    const failure = this.pageFailures.shift();
    if (failure === undefined) return false;
    const answer = () => {
      if (failure === 'trap') return procedureFailed(message.request_id, 'The instance encountered a fatal error.');
      if (failure === 'garbage') return procedureReturned(message.request_id, new Uint8Array([1, 0, 0, 0, 120, 9]));
      const stream = this.host.streams.get(request.stream_id);
      const page = stream === undefined ? emptyPage('unknown_stream') : pageOf(stream, request, 0);
      return procedureReturned(message.request_id, page);
    };
    connection.send(answer());
    return true;
  }

  /** No reason asks for one place again and again: not even every loop of the session at once. */
  #notePage({ stream_id, epoch, after }: PageRequest): void {
    const now = this.#sim.now;
    const place = `${stream_id} ${epoch}:${after}`;
    const times = (this.#pages.get(place) ?? []).filter((at) => now - at < pageWindowMs);
    times.push(now);
    this.#pages.set(place, times);
    if (times.length > mostPages) {
      this.#report.fail('storm', `The page after ${place} was asked for ${times.length} times in ${pageWindowMs} ms.`);
    }
  }
}

function tokenOf(authorization: string | undefined): string {
  return (authorization ?? '').replace('Bearer ', '');
}
