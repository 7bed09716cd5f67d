import type { Contiguity, PayloadHash, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import { type Alarm, alarmOf } from './alarm.ts';
import { applyStraight } from './apply-straight.ts';
import type { Conflict } from './conflict.ts';
import { decide } from './decide.ts';
import type { ConflictReason } from './decision-table.ts';
import { ApplyError } from './errors.ts';
import { firstEpoch, inOrder } from './in-order.ts';
import { holdBack, placeOf, type ReorderBuffer } from './reorder-buffer.ts';
import { type AppliedLookup, noEpoch, positionOf, type StreamState } from './stream-state.ts';

/** Shared: nobody adds to the lists of a result. */
const none: readonly never[] = Object.freeze([]);

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
  /** Default `dense`. Where gaps are allowed, nothing is held back: see {@link Contiguity}. */
  readonly contiguity?: Contiguity;
}

/** Events beyond the watermark are known to exist and could not be applied. */
export interface BatchGap {
  /** The lowest missing sequence. */
  readonly expected: bigint;
  /** The lowest event held back beyond it; undefined when none is. */
  readonly received: bigint | undefined;
  /**
   * `missing`: the buffer still holds what came too early, a short wait may close the gap. `quarantined`: the expected
   * event came, but could not be taken. `overflow`: the buffer was full, so waiting cannot help. Where gaps are allowed,
   * only `quarantined` can be told.
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
  /** One for each of `conflicts`, in their order: raise every one of them. */
  readonly alarms: readonly Alarm[];
  /** Events of another epoch. Not empty: reset the stream to a floor the lane names. */
  readonly other_epoch: readonly SyncEvent[];
  /** Held back until what is missing comes: hand it to the next batch. */
  readonly held: ReorderBuffer;
  /** Let go because the buffer was full, or there is none; the rewind reads them again. */
  readonly dropped: readonly SyncEvent[];
  readonly gap: BatchGap | undefined;
}

/**
 * Applies a batch of one stream. Pure: the caller commits `applied` and `next` in one transaction, quarantines
 * `conflicts`, raises `alarms`, rewinds the lane on `gap` and resets the stream when `other_epoch` is not empty.
 *
 * @throws {ApplyError} `invalid_option` for a reorder limit that is not a whole number from 1, and another contiguity.
 */
export function applyBatch(state: StreamState, events: readonly SyncEvent[], options: BatchOptions = {}): BatchResult {
  const limit = options.reorder_limit ?? defaultReorderLimit;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new ApplyError('invalid_option', `reorder_limit must be a whole number from 1, not ${limit}.`);
  }
  const contiguity = options.contiguity ?? 'dense';
  if (contiguity !== 'dense' && contiguity !== 'gaps-allowed') {
    throw new ApplyError('invalid_option', `contiguity must be dense or gaps-allowed, not ${String(contiguity)}.`);
  }
  const held = options.held ?? none;
  const isPlain = contiguity === 'dense' && held.length === 0 && options.applied?.seqOf === undefined;
  const straight = isPlain ? applyStraight(state, events) : { count: 0, state };
  // The ordinary batch ends here, without all that the others take.
  if (straight.count === events.length && isPlain) return allApplied(straight.state, events);
  const run = new BatchRun(state, options.applied, limit, contiguity);
  if (straight.count > 0) run.skip(events.slice(0, straight.count), straight.state);
  if (contiguity === 'gaps-allowed') {
    // A batch is whole, so its own order does not matter; later ones cannot bring what an earlier one left out.
    const all = [...held, ...events];
    const reading = firstEpoch(state.stream_id, all);
    for (const event of inOrder(all)) run.take(event, reading);
    return run.result();
  }
  // Held-back events go through the same checks again: the state may have been reset since, and nothing of another
  // epoch may stay behind in the buffer.
  for (const event of held) run.take(event);
  for (const event of straight.count === 0 ? events : events.slice(straight.count)) run.take(event);
  return run.result();
}

function allApplied(next: StreamState, events: readonly SyncEvent[]): BatchResult {
  return {
    next,
    // A copy: what the caller does with its own list later must not change what is committed.
    applied: events.slice(),
    duplicates: none,
    stale: none,
    conflicts: none,
    alarms: none,
    other_epoch: none,
    held: none,
    dropped: none,
    gap: undefined,
  };
}

class BatchRun {
  readonly #start: bigint;
  readonly #limit: number;
  readonly #contiguity: Contiguity;
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

  constructor(state: StreamState, applied: AppliedLookup | undefined, limit: number, contiguity: Contiguity) {
    this.#state = state;
    this.#start = state.seq;
    this.#limit = limit;
    this.#contiguity = contiguity;
    const seqOf = applied?.seqOf?.bind(applied);
    this.#keys = seqOf === undefined ? undefined : new Map();
    // Events of this batch are not in the caller's store yet.
    this.#known = {
      hashAt: (seq) => (seq > this.#start ? this.#hashInBatch(seq) : applied?.hashAt(seq)),
      complete_after: applied?.complete_after,
      ...(seqOf === undefined ? {} : { seqOf: (key: string) => this.#keys?.get(key) ?? seqOf(key) }),
    };
  }

  /** Goes past events that were applied already, to the state after them. */
  skip(applied: readonly SyncEvent[], state: StreamState): void {
    for (const event of applied) this.#applied.push(event);
    this.#state = state;
  }

  /** @param reading The epoch that is being read; by default that of the events held back, which came before. */
  take(event: SyncEvent, reading = this.#held[0]?.epoch): void {
    if (this.#state.epoch === noEpoch && reading !== undefined && this.#isOurs(event) && event.epoch !== reading) {
      // Without a position, what came before already says which epoch it is.
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
      alarms: this.#conflicts.map(alarmOf),
      other_epoch: this.#otherEpoch,
      held: this.#held,
      dropped: this.#dropped,
      gap: this.#gap(),
    };
  }

  #decide(event: SyncEvent): void {
    const decision = decide(this.#state, event, this.#known, this.#contiguity);
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
    if (this.#contiguity === 'gaps-allowed') {
      this.#dropped.push(event);
      return;
    }
    const held = holdBack(this.#held, event, this.#limit);
    if (held.outcome === 'duplicate') this.#duplicates.push(event);
    else if (held.outcome === 'conflict') this.#quarantine(event, 'hash_differs', held.known_hash);
    else if (held.dropped !== undefined) this.#dropped.push(held.dropped);
  }

  #quarantine(event: SyncEvent, reason: ConflictReason, known_hash: PayloadHash | undefined): void {
    const conflict: Conflict = { stream_id: this.#state.stream_id, reason, event, known_hash };
    this.#conflicts.push(conflict);
    if (this.#contiguity === 'gaps-allowed' && this.#isMissing(conflict)) this.#await(event);
  }

  /** Where the next sequence is not known, this is the only trace of what is missing. */
  #await({ epoch, seq }: SyncEvent): void {
    const { awaits } = this.#state;
    const isFirst = awaits === undefined || awaits.epoch !== epoch || seq < awaits.seq;
    if (isFirst) this.#state = { ...this.#state, awaits: { epoch, seq } };
  }

  #gap(): BatchGap | undefined {
    const rewind = positionOf(this.#state);
    if (this.#contiguity === 'gaps-allowed') {
      const expected = this.#state.awaits?.seq;
      return expected === undefined ? undefined : { expected, received: undefined, cause: 'quarantined', rewind };
    }
    const refused = this.#conflicts.filter((conflict) => this.#isMissing(conflict));
    const received = this.#held[0]?.seq;
    const dropped = this.#dropped.some((event) => this.#isBeyond(event));
    if (received === undefined && refused.length === 0 && !dropped) return undefined;
    const expected = this.#state.seq + 1n;
    const quarantined = refused.some((conflict) => conflict.event.seq === expected);
    const cause = dropped ? 'overflow' : quarantined ? 'quarantined' : 'missing';
    return { expected, received, cause, rewind };
  }

  /** Whether a conflict is about an event that the stream still needs, and not about one that can never belong to it. */
  #isMissing({ event, reason }: Conflict): boolean {
    const { epoch } = this.#state;
    return this.#isBeyond(event) && reason !== 'invalid_seq' && (epoch === noEpoch || event.epoch === epoch);
  }

  #isBeyond(event: SyncEvent): boolean {
    return this.#isOurs(event) && event.seq > this.#state.seq;
  }

  /** Of a repeat of what this batch applied: events are taken in rising sequence, so it can be about nothing else. */
  #hashInBatch(seq: bigint): PayloadHash | undefined {
    return this.#applied[placeOf(this.#applied, seq)]?.payload_hash;
  }

  #isOurs(event: SyncEvent): boolean {
    return event.stream_id === this.#state.stream_id;
  }
}
