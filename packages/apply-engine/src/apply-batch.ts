import type { PayloadHash, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import { decide } from './decide.ts';
import type { ConflictReason } from './decision-table.ts';
import { ApplyError } from './errors.ts';
import { holdBack, type ReorderBuffer } from './reorder-buffer.ts';
import { type AppliedLookup, noEpoch, positionOf, type StreamState } from './stream-state.ts';

/** How many events a reorder buffer holds unless told otherwise. */
export const defaultReorderLimit = 256;

/** How to apply a batch. */
export interface BatchOptions {
  /** What was applied before this batch. Without it, every repeated event of an earlier batch is `stale`. */
  readonly applied?: AppliedLookup;
  /** The buffer of the batch before, see {@link BatchResult.held}. */
  readonly held?: ReorderBuffer;
  /** A whole number from 1. */
  readonly reorder_limit?: number;
}

/** An event that must be quarantined, and what it disagrees with. */
export interface Conflict {
  /** The stream whose state met the event. */
  readonly stream_id: string;
  readonly reason: ConflictReason;
  readonly event: SyncEvent;
  readonly known_hash: PayloadHash | undefined;
}

/** Events beyond the watermark are known to exist and could not be applied. */
export interface BatchGap {
  /** The lowest missing sequence. */
  readonly expected: bigint;
  /** The lowest event held back beyond it; undefined when none is. */
  readonly received: bigint | undefined;
  /**
   * `missing`: the buffer still holds what came too early, a short wait may close the gap. `quarantined`: the expected
   * event came, but could not be taken. `overflow`: the buffer was full, so waiting cannot help.
   */
  readonly cause: 'missing' | 'quarantined' | 'overflow';
  /** Where the lane must read on. Never beyond the watermark. */
  readonly rewind: StreamPosition | null;
}

/** What a batch came to. Every event of the batch and of the old buffer stands in exactly one of the lists. */
export interface BatchResult {
  /** The state after the batch: commit it together with `applied`. */
  readonly next: StreamState;
  /** In rising sequence from the old watermark + 1 to `next.seq`, none missing. */
  readonly applied: readonly SyncEvent[];
  readonly duplicates: readonly SyncEvent[];
  /** Repeated events that nobody can compare any more. */
  readonly stale: readonly SyncEvent[];
  readonly conflicts: readonly Conflict[];
  /** Events of another epoch. Not empty: reset the stream to a floor the lane names. */
  readonly other_epoch: readonly SyncEvent[];
  /** Held back until what is missing comes: hand it to the next batch. */
  readonly held: ReorderBuffer;
  /** Let go because the buffer was full; the rewind reads them again. */
  readonly dropped: readonly SyncEvent[];
  readonly gap: BatchGap | undefined;
}

/**
 * Applies a batch of one stream. Pure: the caller commits `applied` and `next` in one transaction, quarantines
 * `conflicts`, rewinds the lane on `gap` and resets the stream when `other_epoch` is not empty.
 *
 * @throws {ApplyError} `invalid_option` for a reorder limit that is not a whole number from 1.
 */
export function applyBatch(state: StreamState, events: readonly SyncEvent[], options: BatchOptions = {}): BatchResult {
  const limit = options.reorder_limit ?? defaultReorderLimit;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new ApplyError('invalid_option', `reorder_limit must be a whole number from 1, not ${limit}.`);
  }
  const run = new BatchRun(state, options.applied, limit);
  // Held-back events go through the same checks again: the state may have been reset since, and nothing of another
  // epoch may stay behind in the buffer.
  for (const event of options.held ?? []) run.take(event);
  for (const event of events) run.take(event);
  return run.result();
}

class BatchRun {
  readonly #start: bigint;
  readonly #limit: number;
  readonly #known: AppliedLookup;
  readonly #keys: Map<string, bigint> | undefined;
  readonly #held: SyncEvent[] = [];
  readonly #applied: SyncEvent[] = [];
  readonly #duplicates: SyncEvent[] = [];
  readonly #stale: SyncEvent[] = [];
  readonly #conflicts: Conflict[] = [];
  readonly #otherEpoch: SyncEvent[] = [];
  readonly #dropped: SyncEvent[] = [];
  #state: StreamState;

  constructor(state: StreamState, applied: AppliedLookup | undefined, limit: number) {
    this.#state = state;
    this.#start = state.seq;
    this.#limit = limit;
    const seqOf = applied?.seqOf?.bind(applied);
    this.#keys = seqOf === undefined ? undefined : new Map();
    // Events of this batch are not in the caller's store yet; they are dense, so their place is their sequence.
    this.#known = {
      hashAt: (seq) =>
        seq > this.#start ? this.#applied[Number(seq - this.#start - 1n)]?.payload_hash : applied?.hashAt(seq),
      ...(seqOf === undefined ? {} : { seqOf: (key: string) => this.#keys?.get(key) ?? seqOf(key) }),
    };
  }

  take(event: SyncEvent): void {
    const first = this.#held[0];
    if (this.#state.epoch === noEpoch && first !== undefined && this.#isOurs(event) && event.epoch !== first.epoch) {
      // Without a position, the events held back already say which epoch is being read.
      this.#otherEpoch.push(event);
      return;
    }
    this.#decide(event);
    this.#drain();
  }

  #drain(): void {
    for (let first = this.#held[0]; first !== undefined; first = this.#held[0]) {
      if (first.seq > this.#state.seq + 1n) return;
      this.#held.shift();
      this.#decide(first);
    }
  }

  result(): BatchResult {
    return {
      next: this.#state,
      applied: this.#applied,
      duplicates: this.#duplicates,
      stale: this.#stale,
      conflicts: this.#conflicts,
      other_epoch: this.#otherEpoch,
      held: this.#held,
      dropped: this.#dropped,
      gap: this.#gap(),
    };
  }

  #decide(event: SyncEvent): void {
    const decision = decide(this.#state, event, this.#known);
    switch (decision.outcome) {
      case 'applied':
        this.#state = decision.state;
        this.#applied.push(event);
        this.#keys?.set(event.idempotency_key, event.seq);
        return;
      case 'duplicate':
        this.#duplicates.push(event);
        return;
      case 'stale':
        this.#stale.push(event);
        return;
      case 'snapshot-required':
        this.#otherEpoch.push(event);
        return;
      case 'conflict':
        this.#quarantine(event, decision.reason, decision.known_hash);
        return;
      case 'gap':
        this.#hold(event);
    }
  }

  #hold(event: SyncEvent): void {
    const held = holdBack(this.#held, event, this.#limit);
    if (held.outcome === 'duplicate') this.#duplicates.push(event);
    else if (held.outcome === 'conflict') this.#quarantine(event, 'hash_differs', held.known_hash);
    else if (held.dropped !== undefined) this.#dropped.push(held.dropped);
  }

  #quarantine(event: SyncEvent, reason: ConflictReason, known_hash: PayloadHash | undefined): void {
    this.#conflicts.push({ stream_id: this.#state.stream_id, reason, event, known_hash });
  }

  #gap(): BatchGap | undefined {
    const beyond = (event: SyncEvent) => this.#isOurs(event) && event.seq > this.#state.seq;
    const refused = this.#conflicts.filter((conflict) => beyond(conflict.event) && isCurrent(this.#state, conflict));
    const received = this.#held[0]?.seq;
    const dropped = this.#dropped.some(beyond);
    if (received === undefined && refused.length === 0 && !dropped) return undefined;
    const expected = this.#state.seq + 1n;
    const quarantined = refused.some((conflict) => conflict.event.seq === expected);
    const cause = dropped ? 'overflow' : quarantined ? 'quarantined' : 'missing';
    return { expected, received, cause, rewind: positionOf(this.#state) };
  }

  #isOurs(event: SyncEvent): boolean {
    return event.stream_id === this.#state.stream_id;
  }
}

/** Whether a conflict is about an event that the stream needs, and not about one that can never belong to it. */
function isCurrent(state: StreamState, conflict: Conflict): boolean {
  return conflict.reason !== 'invalid_seq' && (state.epoch === noEpoch || conflict.event.epoch === state.epoch);
}
