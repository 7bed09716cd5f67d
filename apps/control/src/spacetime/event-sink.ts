import type { EventDraft, SyncErrorCode } from '@autopilot/sync-contract';

/** Where the database has put an event. */
export interface AppendReceipt {
  readonly outcome: 'appended' | 'duplicate';
  readonly epoch: string;
  readonly seq: bigint;
}

/** The states of the connection that the writer uses. */
export const sinkStates = ['idle', 'connecting', 'live', 'backoff', 'failed', 'closed'] as const;

/** One of {@link sinkStates}. Appends are only sent while `live`. */
export type SinkState = (typeof sinkStates)[number];

/** How the sink is. */
export interface SinkStatus {
  readonly state: SinkState;
  /** How often it has become live. */
  readonly connections: number;
  /** Why it is not live, when something went wrong. */
  readonly last_error: { readonly code: string; readonly message: string } | undefined;
  /** When the token of the connection expires, milliseconds since the epoch. */
  readonly token_expires_at: number | undefined;
  /** The websocket subprotocol that was negotiated; undefined before. */
  readonly protocol?: string | undefined;
}

/** What a client may do with a stream. */
export type GrantRole = 'reader' | 'writer';

/**
 * The database as the writer and the routes need it. All calls reject with a coded error; `unavailable` also when the outcome
 * is unknown, because the connection went away after the request had left.
 */
export interface EventSink {
  /** Appends one event. With `expectedNextSeq` the database refuses (`sequence_conflict`) any other place. */
  append(draft: EventDraft, expectedNextSeq?: bigint): Promise<AppendReceipt>;
  /** Makes a stream in that epoch, or in one of the database's own for ''; nothing happens when it exists. */
  ensureStream(streamId: string, epoch: string): Promise<void>;
  /** Grants a role on an existing stream; `unknown_stream` otherwise. */
  grant(identity: string, streamId: string, role: GrantRole): Promise<void>;
  /** Binds a Nostr key, proved by the event of that id; nothing happens when it is. `conflict` when it is another's, `keys_full`. */
  bindKey(identity: string, pubkey: string, proof: string): Promise<void>;
  /** Takes a Nostr key from its identity; nothing happens when it is not bound. `forbidden` when it is another's. */
  unbindKey(identity: string, pubkey: string): Promise<void>;
  readonly status: SinkStatus;
  /** Tells of every change of the status. */
  listen(listener: (status: SinkStatus) => void): () => void;
  start(): void;
  close(): Promise<void>;
}

/** Refusals that are about the event itself: sending it again cannot help. */
export const eventFaults: ReadonlySet<string> = new Set<SyncErrorCode>([
  'idempotency_conflict',
  'payload_hash_mismatch',
  'not_canonical',
  'payload_too_large',
  'unrepresentable',
  'invalid_request',
  'invalid_topic',
  'invalid_stream_id',
]);
