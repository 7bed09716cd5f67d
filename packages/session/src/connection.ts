import type { Cancel, CodedError, Socket, SocketFactory, SocketRequest } from '@autopilot/sync-contract';
import { decodeWireError } from '@autopilot/sync-contract';
import { BinaryReader } from 'spacetimedb';
import { type Close, closeOfSocket, closeOfStatus } from './close-reasons.ts';
import type { Environment } from './environment.ts';
import { SessionError } from './errors.ts';
import { BsatnReader } from './wire/bsatn-reader.ts';
import {
  encodeCallProcedure,
  encodeCallReducer,
  encodeSubscribe,
  encodeUnsubscribe,
  type Protocol,
  protocols,
} from './wire/client-message.ts';
import { readFrame } from './wire/frame.ts';
import type { QuerySetUpdate, ReducerOutcome, ServerMessage, TableRows } from './wire/server-message.ts';

/** How a request ended. `lost`: the connection ended first, so nobody knows whether it was carried out. */
export type Outcome<Value> =
  | { readonly type: 'ok'; readonly value: Value }
  | { readonly type: 'failed'; readonly error: CodedError<string> }
  | { readonly type: 'lost' };

/** Who a connection is. */
export interface ConnectionInfo {
  readonly protocol: Protocol;
  /** Hex. */
  readonly identity: string;
  /** Hex. */
  readonly connection_id: string;
}

/** How far a connection came before it ended. */
export type ConnectionPhase = 'opening' | 'opened' | 'ready';

/** What a connection reports. `ended` is the last report, and comes once. */
export interface ConnectionEvents {
  ready(info: ConnectionInfo): void;
  transaction(update: readonly QuerySetUpdate[]): void;
  /** The server dropped a query set that it had accepted. */
  setLost(querySetId: number, message: string): void;
  ended(close: Close, phase: ConnectionPhase): void;
}

/** What a connection is made of. */
export interface ConnectionOptions {
  readonly socket: SocketFactory;
  readonly request: SocketRequest;
  /** From the first byte to InitialConnection. */
  readonly connectTimeoutMs: number;
  /** Without any inbound frame for so long, the connection is dead. */
  readonly watchdogMs: number;
  /** For the closing handshake; afterwards the socket is dropped. */
  readonly closeTimeoutMs: number;
  /** Reducers that may be called although the session is read-only: those that reading itself needs. Undefined: all. */
  readonly onlyReducers: ReadonlySet<string> | undefined;
}

type Pending =
  | { readonly kind: 'reducer'; readonly done: (outcome: Outcome<readonly QuerySetUpdate[]>) => void }
  | { readonly kind: 'procedure'; readonly done: (outcome: Outcome<Uint8Array>) => void; readonly cancel: Cancel }
  | {
      readonly kind: 'subscribe';
      readonly done: (outcome: Outcome<readonly TableRows[]>) => void;
      readonly cancel: Cancel;
    };

/** One websocket and the protocol on it. Knows nothing of streams. */
export class Connection {
  /** Resolves when the socket has reported its end. */
  readonly gone: Promise<void>;
  readonly #env: Environment;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #pending = new Map<number, Pending>();
  readonly #resolveGone: () => void;
  readonly #reader = new BsatnReader();
  #socket: Socket | undefined;
  #phase: ConnectionPhase = 'opening';
  #over = false;
  #protocol: Protocol = protocols[0];
  #nextRequestId = 1;
  #nextQuerySetId = 1;
  #lastInbound: number;
  /** Frames and pings that came. */
  #frames = 0;
  #cancelTimer: Cancel;
  #cancelExpected: Cancel = () => {};

  constructor(env: Environment, options: ConnectionOptions, events: ConnectionEvents) {
    this.#env = env;
    this.#options = options;
    this.#events = events;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#resolveGone = resolve;
    this.#lastInbound = env.ports.clock.monotonic();
    this.#cancelTimer = env.deadline(options.connectTimeoutMs, () =>
      this.#fail({ code: 'connect_timeout', message: `No InitialConnection within ${options.connectTimeoutMs} ms.` }),
    );
    this.#open();
  }

  /** Calls a reducer. The rows of its transaction are reported before `done`. */
  callReducer(name: string, args: Uint8Array, done: (outcome: Outcome<readonly QuerySetUpdate[]>) => void): void {
    if (this.#options.onlyReducers?.has(name) === false) {
      // The last door before the wire, whoever calls.
      done({ type: 'failed', error: new SessionError('read_only', `${name} was not sent: the session is read-only.`) });
      return;
    }
    if (this.#over) {
      done({ type: 'lost' });
      return;
    }
    const id = this.#request({ kind: 'reducer', done });
    this.#send(encodeCallReducer(id, name, args));
  }

  /** Calls a procedure that must answer within `deadlineMs`, or the connection is given up. */
  callProcedure(
    name: string,
    args: Uint8Array,
    deadlineMs: number,
    done: (outcome: Outcome<Uint8Array>) => void,
  ): void {
    if (this.#over) {
      done({ type: 'lost' });
      return;
    }
    const id = this.#request({ kind: 'procedure', done, cancel: this.#deadline(name, deadlineMs) });
    this.#send(encodeCallProcedure(id, name, args));
  }

  /** Subscribes a new query set, which must be answered within `deadlineMs`. Returns its id. */
  subscribe(
    queries: readonly string[],
    deadlineMs: number,
    done: (outcome: Outcome<readonly TableRows[]>) => void,
  ): number {
    const querySetId = this.#nextQuerySetId;
    this.#nextQuerySetId += 1;
    if (this.#over) {
      done({ type: 'lost' });
      return querySetId;
    }
    const id = this.#request({ kind: 'subscribe', done, cancel: this.#deadline('subscribe', deadlineMs) });
    this.#send(encodeSubscribe(id, querySetId, queries));
    return querySetId;
  }

  /** Ends a query set. Ids are never used again, so the answer is of no interest. */
  unsubscribe(querySetId: number): void {
    const id = this.#nextRequestId;
    this.#nextRequestId += 1;
    this.#send(encodeUnsubscribe(id, querySetId));
  }

  /** Wants any frame within so many milliseconds, or gives the connection up. */
  expectFrame(milliseconds: number): void {
    if (this.#over) return;
    const before = this.#frames;
    this.#cancelExpected();
    this.#cancelExpected = this.#env.deadline(milliseconds, () => {
      if (this.#frames > before) return;
      this.#fail({ code: 'silent', message: `Nothing came within ${milliseconds} ms of asking.` });
    });
  }

  /** Closes with the handshake. */
  close(close: Close): void {
    this.#end(close, () => this.#socket?.close(1000, close.code));
  }

  /** Drops the connection. */
  terminate(close: Close): void {
    this.#fail(close);
  }

  #open(): void {
    const stale = () => {
      this.#env.counters.stale_callbacks += 1;
    };
    const guard = (task: () => void) => (this.#over ? stale() : this.#env.turns.run(task));
    try {
      this.#socket = this.#options.socket(this.#options.request, {
        opened: (protocol) => guard(() => this.#opened(protocol)),
        message: (data) => guard(() => this.#message(data)),
        alive: () => guard(() => this.#alive()),
        refused: (status, body, retryAfterMs) => {
          this.#resolveGone();
          guard(() => this.#end(closeOfStatus(status, body, retryAfterMs), () => {}));
        },
        closed: (code, reason) => {
          this.#resolveGone();
          // The close of a connection that was given up is expected, hence not stale.
          if (!this.#over) guard(() => this.#end(closeOfSocket(code, reason), () => {}));
        },
      });
    } catch (error) {
      this.#resolveGone();
      const message = `The websocket could not be made: ${error instanceof Error ? error.message : String(error)}`;
      // As a turn of its own: the maker of this connection does not have it yet.
      this.#cancelTimer();
      this.#cancelTimer = this.#env.after(0, () => this.#end({ code: 'bad_request', message }, () => {}));
    }
  }

  #opened(protocol: string): void {
    const known = protocols.find((offered) => offered === protocol);
    if (known === undefined) {
      const message = `The server chose the protocol "${protocol}", which was not offered.`;
      this.#fail({ code: 'unsupported_protocol', message });
      return;
    }
    this.#protocol = known;
    this.#phase = 'opened';
    this.#alive();
  }

  #message(data: Uint8Array): void {
    this.#alive();
    this.#env.counters.frames_in += 1;
    this.#env.counters.bytes_in += data.length;
    let messages: ServerMessage[];
    try {
      messages = readFrame(data, this.#protocol, this.#reader);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.#fail({ code: 'protocol_error', message: `A frame could not be read: ${what}` });
      return;
    }
    for (const message of messages) {
      if (this.#over) return;
      this.#handle(message);
    }
  }

  #handle(message: ServerMessage): void {
    if (this.#phase !== 'ready') {
      if (message.type === 'initial-connection') this.#ready(message.identity, message.connection_id);
      else this.#fail({ code: 'protocol_error', message: `${message.type} came before InitialConnection.` });
      return;
    }
    switch (message.type) {
      case 'initial-connection':
        this.#fail({ code: 'protocol_error', message: 'A second InitialConnection came.' });
        return;
      case 'transaction-update':
        this.#transaction(message.update);
        return;
      case 'reducer-result':
        this.#reducerResult(message.request_id, message.outcome);
        return;
      case 'procedure-result': {
        const pending = this.#take(message.request_id, 'procedure');
        if (message.returned !== undefined) pending?.done({ type: 'ok', value: message.returned });
        else pending?.done({ type: 'failed', error: new SessionError('procedure_failed', message.error ?? '') });
        return;
      }
      case 'subscribe-applied':
        this.#take(message.request_id, 'subscribe')?.done({ type: 'ok', value: message.tables });
        return;
      case 'subscription-error': {
        if (message.request_id === undefined) {
          this.#events.setLost(message.query_set_id, message.error);
          return;
        }
        // An answer to an unsubscribe of a set that the server has dropped by itself is of no interest either.
        if (!this.#pending.has(message.request_id)) return;
        const error = new SessionError('subscription_failed', message.error);
        this.#take(message.request_id, 'subscribe')?.done({ type: 'failed', error });
        return;
      }
      case 'unsubscribe-applied':
      case 'one-off-result':
        return;
    }
  }

  #ready(identity: string, connection_id: string): void {
    this.#phase = 'ready';
    this.#cancelTimer();
    this.#watch(this.#options.watchdogMs);
    this.#events.ready({ protocol: this.#protocol, identity, connection_id });
  }

  #transaction(update: readonly QuerySetUpdate[]): void {
    if (update.length === 0) return;
    this.#env.counters.transactions += 1;
    this.#events.transaction(update);
  }

  #reducerResult(requestId: number, outcome: ReducerOutcome): void {
    const pending = this.#take(requestId, 'reducer');
    if (outcome.type === 'ok') {
      this.#transaction(outcome.update);
      pending?.done({ type: 'ok', value: outcome.update });
    } else if (outcome.type === 'error') {
      pending?.done({ type: 'failed', error: decodeWireError(readErrorText(outcome.error)) });
    } else {
      pending?.done({ type: 'failed', error: new SessionError('reducer_failed', outcome.message) });
    }
  }

  #take<Kind extends Pending['kind']>(requestId: number, kind: Kind): Extract<Pending, { kind: Kind }> | undefined {
    const pending = this.#pending.get(requestId);
    if (pending === undefined || pending.kind !== kind) {
      this.#fail({ code: 'protocol_error', message: `An answer of kind ${kind} came to request ${requestId}.` });
      return undefined;
    }
    this.#pending.delete(requestId);
    if (pending.kind !== 'reducer') pending.cancel();
    return pending as Extract<Pending, { kind: Kind }>;
  }

  #request(pending: Pending): number {
    const id = this.#nextRequestId;
    this.#nextRequestId += 1;
    this.#pending.set(id, pending);
    return id;
  }

  #deadline(what: string, milliseconds: number): Cancel {
    return this.#env.deadline(milliseconds, () =>
      this.#fail({ code: 'no_progress', message: `No answer to ${what} within ${milliseconds} ms.` }),
    );
  }

  #send(data: Uint8Array): void {
    if (this.#over) return;
    this.#env.counters.frames_out += 1;
    this.#env.counters.bytes_out += data.length;
    this.#socket?.send(data);
  }

  #alive(): void {
    this.#lastInbound = this.#env.ports.clock.monotonic();
    this.#frames += 1;
  }

  /** One timer that looks when it is due, instead of one that is moved with every frame. */
  #watch(milliseconds: number): void {
    this.#cancelTimer = this.#env.deadline(milliseconds, () => {
      const silent = this.#env.ports.clock.monotonic() - this.#lastInbound;
      const left = this.#options.watchdogMs - silent;
      if (left > 0) this.#watch(left);
      else this.#fail({ code: 'silent', message: `Nothing came for ${Math.round(silent)} ms, not even a ping.` });
    });
  }

  #fail(close: Close): void {
    this.#end(close, () => this.#socket?.terminate());
  }

  #end(close: Close, release: () => void): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelTimer();
    this.#cancelExpected();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of pending) if (request.kind !== 'reducer') request.cancel();
    release();
    this.#boundRelease();
    for (const request of pending) request.done({ type: 'lost' });
    this.#events.ended(close, this.#phase);
  }

  #boundRelease(): void {
    const { closeTimeoutMs } = this.#options;
    let cancel = this.#env.ports.scheduler.after(closeTimeoutMs, () => {
      this.#socket?.terminate();
      // A socket that does not even report its termination must not hold up the owner.
      cancel = this.#env.ports.scheduler.after(closeTimeoutMs, () => this.#resolveGone());
    });
    void this.gone.then(() => cancel());
  }
}

/** The error of a reducer is BSATN of a string; anything else is shown as it can be. */
function readErrorText(bytes: Uint8Array): string {
  try {
    return new BinaryReader(bytes).readString();
  } catch {
    return `The reducer failed with an error of ${bytes.length} bytes that is not a text.`;
  }
}
