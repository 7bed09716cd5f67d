import type { CodedError, EventDraft, Lane, PayloadHash, StreamPosition } from '@autopilot/sync-contract';
import type { CallOptions } from './calls/call-queue.ts';
import type { NetworkHint } from './lifecycle.ts';
import type { Fanout, GrantRole } from './module/reducers.ts';
import type { Grant } from './module/views.ts';
import type { RowDecoder, Subscription, SubscriptionHandlers } from './rows/subscription.ts';
import type { SessionStatus } from './status.ts';
import type { ReadMode } from './streams/record.ts';

/** Where an appended event is. `duplicate`: it had been appended before, under the same key and with the same hash. */
export interface AppendReceipt {
  readonly outcome: 'appended' | 'duplicate';
  readonly epoch: string;
  readonly seq: bigint;
}

/** How something is read. */
export interface ReadOptions {
  /** Over which connection; the session's own `readMode` by default. The other one is opened when it is first used. */
  readonly readMode?: ReadMode;
}

/** How a stream is followed. */
export type FollowOptions = ReadOptions;

/** What became of the grants of this identity. */
export interface GrantChange {
  readonly all: readonly Grant[];
  readonly added: readonly Grant[];
  readonly removed: readonly Grant[];
}

/**
 * A session with a SpacetimeDB database, which runs the module `autopilot-sync` unless `streams` is false.
 *
 * Calls are sent in the order of calling, many at a time, and settle in the order of their answers. They wait for a
 * connection if there is none. They reject with `SyncError` when the module refused them, and with `SessionError`
 * otherwise: `call_not_sent`, `call_queue_full`, `read_only`, `session_closed` (nothing was sent), `call_deadline`,
 * `call_aborted` (see `details.sent`), `call_outcome_unknown` (it may have run), `reducer_failed` (it ran into a trap
 * and changed nothing). Made with `streams: false` it serves any module by `call`, `subscribe` and `rows`; whatever is of
 * `autopilot-sync`, `follow` and `rewind` included, fails with `streams_disabled`.
 */
export interface Session extends Lane {
  readonly id: 'spacetime';
  /**
   * As `Lane` has it. A stream that was closed and is followed again keeps its read mode unless another one is given; to
   * change the mode of a stream that is followed, unfollow it first.
   */
  follow(streamId: string, after: StreamPosition | null, options?: FollowOptions): void;
  /**
   * With `applyWindow`: the owner is done with everything up to this position, so that more may be handed over. Without
   * it this says nothing.
   */
  applied(streamId: string, position: StreamPosition): void;
  /** Tries at once instead of waiting, at least the backoff floor after the last try; leaves `needs-auth`, `failed`. */
  retryNow(): void;
  /**
   * Tells what the owner has heard of the network or the machine. `online` and `wake` shorten a wait for the next attempt,
   * not below the floor nor below what the other side asked for; every hint makes a connection in use prove that it
   * lives. Nothing ever waits longer for a hint. The session notices by itself when it slept.
   */
  hint(kind: NetworkHint): void;
  status(): SessionStatus;

  /** Calls a reducer; `args` is the BSATN product of its arguments. */
  call(reducer: string, args: Uint8Array, options?: CallOptions): Promise<void>;
  /** Rejects with `receipt_missing` when the host did not say where the event is. Repeated by its own key if needed. */
  appendSyncEvent(draft: EventDraft, expectedNextSeq?: bigint, options?: CallOptions): Promise<AppendReceipt>;
  ackCheckpoint(
    checkpoint: StreamPosition & { readonly stream_id: string; readonly chain: string },
    options?: CallOptions,
  ): Promise<void>;
  /** One that exists keeps its epoch; a new one gets `epoch`, or one of the module's own without it. */
  createStream(
    streamId: string,
    streamClass: string,
    fanout: Fanout,
    options?: CallOptions & { readonly epoch?: string | undefined },
  ): Promise<void>;
  /** `identity` is hex; `expiresAt` in microseconds since the Unix epoch. */
  grantStream(
    identity: string,
    streamId: string,
    role: GrantRole,
    expiresAt?: bigint,
    options?: CallOptions,
  ): Promise<void>;
  revokeStream(identity: string, streamId: string, options?: CallOptions): Promise<void>;
  configure(issuer: string, audience: string, options?: CallOptions): Promise<void>;
  upsertPresence(
    presence: {
      readonly session_id: string;
      readonly stream_id: string;
      readonly status: string;
      /** Canonical JSON. */
      readonly detail: string;
      readonly ttl_seconds: number;
    },
    options?: CallOptions,
  ): Promise<void>;
  heartbeat(sessionId: string, options?: CallOptions): Promise<void>;
  /** Notes an event that is to leave by another transport; `payload` is what `payloadHash` is of. */
  enqueueBridgeEvent(
    event: {
      readonly event_id: string;
      readonly transport: string;
      /** Canonical JSON. */
      readonly payload: string;
      readonly payload_hash: PayloadHash;
    },
    options?: CallOptions,
  ): Promise<void>;
  /** The event has left; the first receipt stays. Rejects with `invalid_request` for one that was refused. */
  markBridgeEventSent(eventId: string, receipt: string, options?: CallOptions): Promise<void>;
  /** The event will never leave; the first reason stays. Changes nothing for one that was sent. */
  refuseBridgeEvent(eventId: string, reason: string, options?: CallOptions): Promise<void>;

  /** Subscribes to queries over all connections to come. Without a decoder rows are their BSATN bytes. */
  subscribe(
    queries: readonly string[],
    handlers: SubscriptionHandlers<Uint8Array>,
    decode?: undefined,
    options?: ReadOptions,
  ): Subscription<Uint8Array>;
  subscribe<Row>(
    queries: readonly string[],
    handlers: SubscriptionHandlers<Row>,
    decode: RowDecoder<Row>,
    options?: ReadOptions,
  ): Subscription<Row>;
  /** The present rows of a table over all subscriptions, each once. */
  rows(table: string): Uint8Array[];

  /** The grants of this identity as last seen; empty without `followGranted`. */
  readonly grants: readonly Grant[];
  /** Tells of changed grants, and of all of them with every new connection; never without `followGranted`. */
  onGrants(listener: (change: GrantChange) => void): () => void;
  /** Why the grants cannot be read; they are asked for again, and stay as last known. */
  readonly grantsError: CodedError<string> | undefined;
}
