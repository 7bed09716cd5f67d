import type { Cancel } from '@autopilot/sync-contract';
import type { Connection } from '../connection.ts';
import type { Environment } from '../environment.ts';
import { SessionError } from '../errors.ts';
import type { QuerySetUpdate } from '../wire/server-message.ts';

/** How a reducer is called. */
export interface CallOptions {
  /** Milliseconds from now, waiting for a connection included. Default 30,000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /**
   * Says that the reducer recognises a repetition by this key. Only then is a call whose connection ended before the
   * answer sent again by the session itself, in its old place.
   */
  readonly idempotencyKey?: string;
}

/** How many calls may be under way. */
export interface CallLimits {
  /** Sent and not answered. */
  readonly maxInFlight: number;
  /** Waiting to be sent; one more is refused. */
  readonly maxQueued: number;
}

interface Call {
  readonly reducer: string;
  readonly args: Uint8Array;
  readonly idempotent: boolean;
  readonly resolve: (update: readonly QuerySetUpdate[]) => void;
  readonly reject: (error: Error) => void;
  release: Cancel;
  sent: boolean;
  settled: boolean;
}

const defaultDeadlineMs = 30_000;

/** Reducer calls of a session, first in first out over whatever connection there is. */
export class CallQueue {
  readonly #env: Environment;
  readonly #limits: CallLimits;
  readonly #waiting: Call[] = [];
  /** Sent over the present connection, in order; calls that settled early stay until their answer. */
  readonly #inFlight = new Set<Call>();
  /** Calls whose connection ended, in order, on their way back to the front. */
  #returned: Call[] = [];
  #connection: Connection | undefined;
  #onIdle: (() => void) | undefined;

  constructor(env: Environment, limits: CallLimits) {
    this.#env = env;
    this.#limits = limits;
  }

  get queued(): number {
    return this.#waiting.length;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Rows of the transaction on success. */
  call(reducer: string, args: Uint8Array, options: CallOptions): Promise<readonly QuerySetUpdate[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly QuerySetUpdate[]>();
    if (options.signal?.aborted === true) {
      reject(new SessionError('call_aborted', `${reducer} was taken back.`, { details: { reducer, sent: false } }));
      return promise;
    }
    if (this.#waiting.length >= this.#limits.maxQueued) {
      reject(
        new SessionError('call_queue_full', `${this.#waiting.length} calls wait already.`, { details: { reducer } }),
      );
      return promise;
    }
    const idempotent = options.idempotencyKey !== undefined;
    const call: Call = { reducer, args, idempotent, resolve, reject, release: () => {}, sent: false, settled: false };
    this.#bound(call, options);
    this.#waiting.push(call);
    this.#pump();
    return promise;
  }

  /** From now on calls go over this connection; undefined: they wait. */
  use(connection: Connection | undefined): void {
    this.#connection = connection;
    this.#pump();
  }

  /** Calls `idle` once nothing is in flight any more. */
  whenIdle(idle: () => void): void {
    if (this.#inFlight.size === 0) idle();
    else this.#onIdle = idle;
  }

  /** The connection has ended and all its calls have come back. */
  lost(): void {
    this.#waiting.unshift(...this.#returned);
    this.#returned = [];
    this.#pump();
  }

  /** Rejects whatever has not settled. */
  end(): void {
    this.#connection = undefined;
    for (const call of [...this.#returned, ...this.#waiting.splice(0)]) {
      const sent = call.sent;
      const code = sent ? 'call_outcome_unknown' : 'call_not_sent';
      this.#settle(call, new SessionError(code, 'The session was closed.', { details: details(call) }));
    }
    this.#returned = [];
  }

  #bound(call: Call, options: CallOptions): void {
    const deadlineMs = options.deadlineMs ?? defaultDeadlineMs;
    const cancel = this.#env.after(deadlineMs, () => {
      const message = `${call.reducer} was not answered within ${deadlineMs} ms.`;
      this.#giveUp(call, new SessionError('call_deadline', message, { details: details(call) }));
    });
    const aborted = () =>
      this.#env.turns.run(() => {
        const message = `${call.reducer} was taken back.`;
        this.#giveUp(call, new SessionError('call_aborted', message, { details: details(call) }));
      });
    options.signal?.addEventListener('abort', aborted, { once: true });
    call.release = () => {
      cancel();
      options.signal?.removeEventListener('abort', aborted);
    };
  }

  #giveUp(call: Call, error: Error): void {
    const waiting = this.#waiting.indexOf(call);
    if (waiting !== -1) this.#waiting.splice(waiting, 1);
    // A call in flight keeps its place until its answer: the server works on it all the same.
    this.#settle(call, error);
  }

  #pump(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    while (this.#inFlight.size < this.#limits.maxInFlight && this.#waiting.length > 0) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      if (call.sent) this.#env.counters.calls_resent += 1;
      else this.#env.counters.calls_sent += 1;
      call.sent = true;
      this.#inFlight.add(call);
      connection.callReducer(call.reducer, call.args, (outcome) => {
        this.#inFlight.delete(call);
        if (outcome.type === 'ok') this.#settle(call, outcome.value);
        else if (outcome.type === 'failed') this.#settle(call, outcome.error);
        else this.#back(call);
        if (outcome.type !== 'lost') this.#pump();
        this.#checkIdle();
      });
    }
  }

  #back(call: Call): void {
    if (call.settled) return;
    if (call.idempotent) {
      this.#returned.push(call);
      return;
    }
    const message = `The connection ended before ${call.reducer} was answered.`;
    this.#settle(call, new SessionError('call_outcome_unknown', message, { details: details(call) }));
  }

  #checkIdle(): void {
    if (this.#inFlight.size > 0) return;
    const idle = this.#onIdle;
    this.#onIdle = undefined;
    idle?.();
  }

  #settle(call: Call, result: readonly QuerySetUpdate[] | Error): void {
    if (call.settled) return;
    call.settled = true;
    call.release();
    if (result instanceof Error) call.reject(result);
    else call.resolve(result);
  }
}

function details(call: Call): { reducer: string; sent: boolean } {
  return { reducer: call.reducer, sent: call.sent };
}
