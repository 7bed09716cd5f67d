import type { ChainHash, Contiguity, PayloadHash, SyncEvent } from '@autopilot/sync-contract';

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
  /** The position that the stored events begin after. Not 0 after a reset to a floor, or once old events were removed. */
  readonly base_seq: bigint;
  readonly base_chain: ChainHash;
  /** Fixed until a reset names another one. */
  readonly contiguity: Contiguity;
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
  /** `expected_seq + 1` to `seq`, none missing; where gaps are allowed, in rising sequence and the last one at `seq`. */
  readonly events: readonly SyncEvent[];
  /** The watermark after the change. */
  readonly seq: bigint;
  /** The chain at `seq`. */
  readonly chain: ChainHash;
  readonly effects?: readonly Effect[];
  /** Default `dense`. What the stream is stored with, or begins with. */
  readonly contiguity?: Contiguity;
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
  /** Default: as before, or `dense` for a stream that is not stored. */
  readonly contiguity?: Contiguity;
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

/**
 * What became of a conflict. `kept`: a record of its own. `repeated`: its record counts one more. `counted`: the stream
 * has as many records as are kept, so only the number of the others went up; see {@link AuditOverflow}.
 */
export type QuarantineOutcome = 'kept' | 'repeated' | 'counted';

/** How many records of what went wrong are kept. Beyond, they are counted: see {@link AuditOverflow}. */
export interface AuditLimits {
  /** Different conflicts of one stream: the first ones are kept, because they tell how it began. Default 100. */
  readonly quarantined_per_stream?: number;
  /** Resets of one stream: the last ones are kept, because they tell where its state comes from. Default 100. */
  readonly resets_per_stream?: number;
}

/** Records of a stream that are not kept. */
export interface AuditOverflow {
  readonly stream_id: string;
  /** `quarantine`: further conflicts, not kept. `resets`: older resets, removed. */
  readonly of: 'quarantine' | 'resets';
  readonly times: bigint;
  /** The reason of the last one of them. */
  readonly last_reason: string;
  readonly first_at_ms: number;
  readonly last_at_ms: number;
}

/** What of the oldest events of a stream is to be removed. */
export interface TrimOptions {
  /** Up to and including this sequence; what lies beyond the watermark is not there to be removed. */
  readonly through: bigint;
  /** At most so many in one call: 1 to 10,000. */
  readonly limit: number;
}

/** What was removed of a stream. */
export interface TrimReport {
  readonly removed: number;
  /** The position that the stored events begin after now. */
  readonly base_seq: bigint;
  /** Whether there are more events to remove: call again. */
  readonly more: boolean;
}

/** Space of the file that is not used any more. */
export interface ReclaimReport {
  readonly freed_pages: number;
  /** Pages that are left for another call. */
  readonly free_pages: number;
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
  /** Conflicts that were counted and not kept. */
  readonly quarantine_overflow: number;
  /** Records of resets that were removed for newer ones. */
  readonly resets_overflow: number;
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
  /** The resets that are kept, the oldest first. */
  resets(streamId?: string): readonly StreamReset[];
  /** The stored events of a stream beyond a sequence, in order; empty for an unknown stream. */
  events(streamId: string, page: Page): readonly SyncEvent[];
  /** The payload hash applied at a place; undefined when it is not stored, or not in the stream's epoch. */
  hashAt(streamId: string, epoch: string, seq: bigint): PayloadHash | undefined;
  /** The sequence an idempotency key was applied with. */
  seqOf(streamId: string, epoch: string, idempotencyKey: string): bigint | undefined;
  /** Keeps an event that was not applied, or counts it; never nothing. */
  quarantine(conflict: ConflictRecord): QuarantineOutcome;
  /** The oldest first. */
  quarantined(streamId?: string): readonly QuarantinedConflict[];
  /** What was counted because there was no room for its record; by stream. */
  overflows(): readonly AuditOverflow[];
  /** Removes the conflicts of a stream, kept and counted, once a person has looked at them; how many there were. */
  clearQuarantine(streamId: string): bigint;
  /** Effects that are not settled, by id. */
  effects(page: Page): readonly StoredEffect[];
  /** Removes an effect that has been done; false when there is none. */
  settleEffect(id: bigint): boolean;
  /** Reads every stored event of a stream and recomputes hashes and chain. */
  verify(streamId: string): Verification;
  /** Removes events of replaced states, at most `limit` of them; how many it removed. */
  discardRetired(limit: number): number;
  /**
   * Removes the oldest events of a stream and moves its base behind them, so that the rest still gives the chain. What is
   * removed cannot be compared with any more: `hashAt` and `seqOf` do not know it.
   *
   * @throws `damaged` when what would be removed does not give the chain: the evidence stays.
   */
  trim(streamId: string, options: TrimOptions): TrimReport;
  /** Gives at most so many unused pages (1 to 10,000) back to the file system. */
  reclaim(pages: number): ReclaimReport;
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
