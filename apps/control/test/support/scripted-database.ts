import { type EventDraft, SyncError } from '@autopilot/sync-contract';
import type { AppendReceipt, EventSink, GrantRole, SinkState, SinkStatus } from '../../src/spacetime/event-sink.ts';

/** An event as the scripted database keeps it. */
export interface StoredEvent extends EventDraft {
  readonly seq: bigint;
}

/** What happens to one append: `lost-answer` commits it and then drops the connection's answer. */
export type Fault = 'lost-answer' | 'not-sent' | Error;

/**
 * A database with the append rules of the module: dense sequences, keys unique per stream, duplicates before the
 * expected sequence. It outlives its sinks, as a server outlives its clients.
 */
export class ScriptedDatabase {
  readonly streams = new Map<string, StoredEvent[]>();
  readonly grants = new Map<string, GrantRole>();
  readonly epochs = new Map<string, string>();
  readonly keysBound = new Map<string, { readonly identity: string; readonly proof: string }>();
  /** Asked before each binding of a key. */
  bindFault: () => Error | 'lost-answer' | undefined = () => undefined;
  /** Appends that were answered, in the order in which they were executed. */
  readonly calls: { readonly stream_id: string; readonly key: string; readonly expected: bigint | undefined }[] = [];
  /** Asked before each append. */
  fault: (draft: EventDraft, expected: bigint | undefined) => Fault | undefined = () => undefined;
  /** Holds every append back until it resolves. */
  gate: Promise<void> = Promise.resolve();
  /** Streams that were made. */
  lives = 0;
  highestInFlight = 0;
  #inFlight = 0;

  /** Binds a Nostr key as the module does. */
  async bind(identity: string, pubkey: string, proof: string): Promise<void> {
    const fault = this.bindFault();
    if (fault !== undefined && fault !== 'lost-answer') throw fault;
    const bound = this.keysBound.get(pubkey);
    if (bound !== undefined && bound.identity !== identity) throw new SyncError('conflict', 'another identity');
    if (bound === undefined) this.keysBound.set(pubkey, { identity, proof });
    if (fault === 'lost-answer') throw new SyncError('unavailable', 'the connection went away');
  }

  /** Keys of a stream in the order of their sequences. */
  keys(streamId: string): string[] {
    return (this.streams.get(streamId) ?? []).map((event) => event.idempotency_key);
  }

  async append(draft: EventDraft, expected: bigint | undefined): Promise<AppendReceipt> {
    this.#inFlight += 1;
    this.highestInFlight = Math.max(this.highestInFlight, this.#inFlight);
    try {
      await this.gate;
      this.calls.push({ stream_id: draft.stream_id, key: draft.idempotency_key, expected });
      const fault = this.fault(draft, expected);
      if (fault instanceof Error) throw fault;
      if (fault === 'not-sent') throw new SyncError('unavailable', 'not sent');
      const receipt = this.#commit(draft, expected);
      if (fault === 'lost-answer') throw new SyncError('unavailable', 'the connection went away');
      return receipt;
    } finally {
      this.#inFlight -= 1;
    }
  }

  #commit(draft: EventDraft, expected: bigint | undefined): AppendReceipt {
    const events = this.streams.get(draft.stream_id);
    if (events === undefined) throw new SyncError('unknown_stream', draft.stream_id);
    const epoch = this.epochs.get(draft.stream_id) ?? 'epoch-1';
    const known = events.find((event) => event.idempotency_key === draft.idempotency_key);
    if (known !== undefined) {
      if (known.payload_hash !== draft.payload_hash) throw new SyncError('idempotency_conflict', draft.idempotency_key);
      return { outcome: 'duplicate', epoch, seq: known.seq };
    }
    const seq = BigInt(events.length + 1);
    if (expected !== undefined && expected !== seq) throw new SyncError('sequence_conflict', `next is ${seq}`);
    events.push({ ...draft, seq });
    return { outcome: 'appended', epoch, seq };
  }
}

/** A sink whose state a test decides. */
export interface ScriptedSink extends EventSink {
  become(state: SinkState): void;
  tokenExpiresAt: number | undefined;
}

/** A connection to a scripted database; `start` makes it live unless `offline` is set. */
export function connect(database: ScriptedDatabase, options: { readonly offline?: boolean } = {}): ScriptedSink {
  const listeners = new Set<(status: SinkStatus) => void>();
  let state: SinkState = 'idle';
  let connections = 0;
  let tokenExpiresAt: number | undefined;
  const become = (to: SinkState) => {
    if (to === 'live' && state !== 'live') connections += 1;
    state = to;
    for (const listener of listeners) listener(status());
  };
  const status = (): SinkStatus => ({
    state,
    connections,
    last_error: state === 'backoff' ? { code: 'unavailable', message: 'scripted' } : undefined,
    token_expires_at: tokenExpiresAt,
  });
  const up = () => {
    if (state !== 'live') throw new SyncError('unavailable', 'not connected');
  };
  return {
    async append(draft, expected) {
      up();
      return database.append(draft, expected);
    },
    async ensureStream(streamId, epoch) {
      up();
      if (database.streams.has(streamId)) return;
      database.streams.set(streamId, []);
      database.lives += 1;
      database.epochs.set(streamId, epoch === '' ? `epoch-${database.lives}` : epoch);
    },
    async grant(identity, streamId, role) {
      up();
      database.grants.set(`${streamId} ${identity}`, role);
    },
    async bindKey(identity, pubkey, proof) {
      up();
      await database.bind(identity, pubkey, proof);
    },
    async unbindKey(identity, pubkey) {
      up();
      const bound = database.keysBound.get(pubkey);
      if (bound !== undefined && bound.identity !== identity) throw new SyncError('forbidden', 'another identity');
      database.keysBound.delete(pubkey);
    },
    get status() {
      return status();
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start: () => become(options.offline === true ? 'backoff' : 'live'),
    async close() {
      become('closed');
    },
    become,
    get tokenExpiresAt() {
      return tokenExpiresAt;
    },
    set tokenExpiresAt(value) {
      tokenExpiresAt = value;
    },
  };
}
