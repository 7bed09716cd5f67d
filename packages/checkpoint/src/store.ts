import type { ChainHash, PayloadHash, SyncEvent } from '@autopilot/sync-contract';

/** Whose streams a store holds. One file may hold several scopes, one after the other. None of the texts is empty. */
export interface StoreScope {
  readonly environment: string;
  readonly database: string;
  readonly account: string;
}

/** A stream as it is stored: apply may go on from here. */
export interface StoredStream {
  readonly stream_id: string;
  readonly epoch: string;
  /** The watermark. */
  readonly seq: bigint;
  /** The chain at `seq`. */
  readonly chain: ChainHash;
  /** Where the stored events begin: the first one is `base_seq + 1`. Not 0 after a reset to a floor. */
  readonly base_seq: bigint;
  readonly base_chain: ChainHash;
  /** Milliseconds since the Unix epoch. */
  readonly updated_at_ms: number;
}

/** Something the application has to do because of events; opaque to the store. */
export interface Effect {
  readonly kind: string;
  readonly body: string;
}

/** An effect that was committed and not settled yet. */
export interface StoredEffect extends Effect {
  /** Rises with every effect of the file. */
  readonly id: bigint;
  readonly stream_id: string;
  readonly epoch: string;
  /** The watermark of the commit the effect came with. */
  readonly seq: bigint;
}

/** One stream's part of a commit. */
export interface StreamChange {
  readonly stream_id: string;
  readonly epoch: string;
  /** The stored watermark this change was decided from; 0 for a stream that is not stored yet. */
  readonly expected_seq: bigint;
  /** `expected_seq + 1` to `seq`, none missing. */
  readonly events: readonly SyncEvent[];
  /** The watermark after the change. */
  readonly seq: bigint;
  /** The chain at `seq`. */
  readonly chain: ChainHash;
  readonly effects?: readonly Effect[];
}

/** What was committed, in the order of the commit. */
export interface Commit {
  readonly changes: readonly StreamChange[];
}

/** Where a stream starts anew, and why. */
export interface ResetTo {
  readonly epoch: string;
  readonly seq: bigint;
  readonly chain: ChainHash;
  /** For the audit: a code or a sentence, not empty. */
  readonly reason: string;
}

/** The audit record of a reset. `from` is undefined for a stream that was not stored before. */
export interface StreamReset {
  readonly stream_id: string;
  readonly from: { readonly epoch: string; readonly seq: bigint; readonly chain: ChainHash } | undefined;
  readonly to: { readonly epoch: string; readonly seq: bigint; readonly chain: ChainHash };
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly at_ms: number;
}

/** An event that was not applied, kept for a person to look at. */
export interface ConflictRecord {
  readonly stream_id: string;
  readonly reason: string;
  readonly event: SyncEvent;
  /** The hash that was applied at the same sequence, where the conflict is about it. */
  readonly known_hash?: PayloadHash | undefined;
}

/** A quarantined event. The same conflict again counts up `times`. */
export interface QuarantinedConflict extends ConflictRecord {
  readonly times: bigint;
  readonly first_at_ms: number;
  readonly last_at_ms: number;
}

/** Whether the stored events of a stream give the stored chain. */
export type Verification =
  | { readonly outcome: 'consistent'; readonly events: number }
  | {
      readonly outcome: 'damaged';
      readonly reason: 'missing_event' | 'payload_hash_mismatch' | 'chain_differs';
      /** The first sequence at which it shows. */
      readonly seq: bigint;
    };

/** Numbers for metrics. The first four are since the store was opened, the others are what its scope holds. */
export interface StoreCounts {
  readonly commits: number;
  readonly committed_events: number;
  readonly refused_commits: number;
  /** Listeners that threw. */
  readonly listener_errors: number;
  readonly streams: number;
  readonly resets: number;
  readonly quarantined: number;
  readonly unsettled_effects: number;
}

/** What was wrong with the file when it was opened, and what was done. */
export interface RecoveryReport {
  /**
   * `corrupt`: SQLite cannot read it. `inconsistent`: watermarks and events do not agree. `missing`: it was gone, while
   * a previous generation was there.
   */
  readonly reason: 'corrupt' | 'inconsistent' | 'missing';
  readonly detail: string;
  /** Where the damaged file was put; undefined when there was none. */
  readonly quarantined: string | undefined;
  /** `nothing`: the store is empty, every stream has to be read again. */
  readonly restored_from: 'previous' | 'nothing';
  /** Where the previous generation was put because it could not be used either. */
  readonly previous_quarantined: string | undefined;
}

/** A previous generation that was written. */
export interface BackupReport {
  readonly file: string;
  readonly bytes: number;
}

/** A part of a list: what comes after a position, at most `limit` (1 to 10,000) of it. */
export interface Page {
  readonly after: bigint;
  readonly limit: number;
}

/**
 * A durable copy of streams. Every method throws a `CheckpointError` and has then changed nothing.
 */
export interface CheckpointStore {
  readonly scope: StoreScope;
  /** Set when the file was damaged or gone at opening: show it. */
  readonly recovered: RecoveryReport | undefined;
  load(streamId: string): StoredStream | undefined;
  /** By stream id. */
  streams(): readonly StoredStream[];
  /**
   * Stores events, watermark, chain and effects of all changes in one transaction, then tells the listeners.
   *
   * @throws `position_conflict`, `idempotency_conflict`, `invalid_change`, `disk_full`, `read_only`, `io_error`
   */
  commit(changes: readonly StreamChange[]): Commit;
  /**
   * Replaces the state of a stream and keeps an audit record, in one transaction. The events before it are no longer
   * read by {@link events}; {@link discardRetired} removes them from the file.
   */
  resetStream(streamId: string, to: ResetTo): StoredStream;
  /** Every reset, the oldest first. */
  resets(streamId?: string): readonly StreamReset[];
  /** The stored events of a stream beyond a sequence, in order; empty for an unknown stream. */
  events(streamId: string, page: Page): readonly SyncEvent[];
  /** The payload hash applied at a place; undefined when it is not stored, or not in the stream's epoch. */
  hashAt(streamId: string, epoch: string, seq: bigint): PayloadHash | undefined;
  /** The sequence an idempotency key was applied with. */
  seqOf(streamId: string, epoch: string, idempotencyKey: string): bigint | undefined;
  quarantine(conflict: ConflictRecord): void;
  /** The oldest first. */
  quarantined(streamId?: string): readonly QuarantinedConflict[];
  /** Effects that are not settled, by id. */
  effects(page: Page): readonly StoredEffect[];
  /** Removes an effect that has been done; false when there is none. */
  settleEffect(id: bigint): boolean;
  /** Reads every stored event of a stream and recomputes hashes and chain. */
  verify(streamId: string): Verification;
  /** Removes events of replaced states, at most `limit` of them; how many it removed. */
  discardRetired(limit: number): number;
  /**
   * Adds a listener, called after a commit is durable as far as the store promises, in the order of commits. A listener
   * that throws is counted and disturbs nobody.
   */
  onCommitted(listener: (commit: Commit) => void): () => void;
  counts(): StoreCounts;
  /** Writes the whole store into `<file>.previous`, replacing it only when the new copy is good. */
  backup(): Promise<BackupReport>;
  /** Closes the file and frees its lock; a backup under way is given up. A second call does nothing. */
  close(): Promise<void>;
}
