import { type Cancel, isCodedError, type Lane, type LaneSignal, type Ports } from '@autopilot/sync-contract';
import {
  type AppliedLookup,
  type applyBatch,
  type BatchResult,
  compareHead,
  initialState,
  noResets,
  positionOf,
  type ReorderBuffer,
  type ResetHistory,
  resetToFloor,
  type StreamState,
} from '../../../packages/apply-engine/src/index.ts';
import type { ApplicationStore } from './owner-store.ts';

/** What the streams of one application share. */
export interface OwnerContext {
  readonly lane: Pick<Lane, 'follow' | 'rewind' | 'unfollow'>;
  readonly store: ApplicationStore;
  readonly ports: Ports;
  readonly reorderLimit: number;
  readonly applyBatch: typeof applyBatch;
  /** Something that a run counts. */
  noticed(what: string, streamId: string, detail: string): void;
}

type Signal<Type extends LaneSignal['type']> = Extract<LaneSignal, { type: Type }>;

/** Reading again so often in this time has not helped. */
const rewindLimit = 6;
const rewindWindowMs = 60_000;
/** A rewind that brought nothing for so long is made again. */
const rewindPatienceMs = 5_000;
const storeRetryMs = 500;
const storeRetryLongestMs = 8_000;

/**
 * What an application does with one stream: decide, commit, go on from there; read again after a gap, reset after a stale
 * cursor, quarantine what conflicts, and stand still when none of it helps.
 */
export class StreamOwner {
  readonly #context: OwnerContext;
  readonly #id: string;
  #state: StreamState;
  #held: ReorderBuffer = [];
  #resets: ResetHistory = noResets;
  #rewinds: readonly number[] = [];
  #rewinding: Cancel | undefined;
  /** The lane has brought something of this stream since it was last told to read again. */
  #answered = false;
  #storeRetry: Cancel | undefined;
  #storeFailures = 0;
  #standing: 'following' | 'closed' | 'blocked' = 'following';

  constructor(context: OwnerContext, streamId: string) {
    this.#context = context;
    this.#id = streamId;
    const stored = context.store.load(streamId);
    this.#state =
      stored === undefined
        ? initialState(streamId)
        : { stream_id: streamId, epoch: stored.epoch, seq: stored.seq, chain: stored.chain };
  }

  get standing(): 'following' | 'closed' | 'blocked' {
    return this.#standing;
  }

  /** Reads on from the watermark: at the start, and when a closed or blocked stream is to be tried again. */
  follow(): void {
    if (this.#standing === 'blocked') {
      this.#resets = noResets;
      this.#rewinds = [];
    }
    this.#standing = 'following';
    this.#held = [];
    this.#context.lane.follow(this.#id, positionOf(this.#state));
  }

  stop(): void {
    this.#endTimers();
    this.#context.lane.unfollow(this.#id);
  }

  batch(signal: Signal<'batch'>): void {
    this.#answered = true;
    if (this.#standing !== 'following' || this.#storeRetry !== undefined) return;
    const before = this.#state;
    const result = this.#commit(signal);
    if (result === undefined) return;
    this.#state = result.next;
    this.#held = result.held;
    const { noticed, store } = this.#context;
    if (result.applied.length > 0) this.#endRewind();
    if (result.duplicates.length > 0) noticed('engine duplicates', this.#id, `${result.duplicates.length}`);
    for (const { event, reason, known_hash } of result.conflicts) {
      noticed('quarantined', this.#id, `${event.epoch}:${event.seq} ${reason}`);
      this.#guard(() => store.quarantine({ stream_id: this.#id, reason, event, known_hash }));
    }
    if (result.other_epoch.length > 0) this.#rewind('events of another epoch');
    else if (result.gap !== undefined && !(this.#rewinding !== undefined && before.seq === this.#state.seq)) {
      this.#rewind(`a gap, ${result.gap.cause}`);
    }
  }

  head({ epoch, head, head_chain }: Signal<'head'>): void {
    if (this.#standing !== 'following') return;
    const verdict = compareHead(this.#state, { epoch, head, ...(head_chain === undefined ? {} : { head_chain }) });
    if (verdict === 'differs') this.#context.noticed('divergence', this.#id, `${epoch}:${head}`);
    const isReading = this.#rewinding !== undefined || this.#storeRetry !== undefined;
    if (verdict === 'other-epoch' && !isReading) this.#rewind('the host names another epoch');
  }

  stale(signal: Signal<'stale'>): void {
    const { store, ports, lane, noticed } = this.#context;
    this.#answered = true;
    const floor = { epoch: signal.floor.epoch, seq: signal.floor.seq, chain: signal.floor_chain };
    const result = resetToFloor(this.#state, floor, this.#resets, ports.clock.monotonic());
    if (result.outcome === 'blocked') {
      this.#resets = result.history;
      this.#block(result.history.blocked?.reason ?? 'resets_exhausted');
      return;
    }
    if (!this.#guard(() => store.resetStream(this.#id, { ...floor, reason: signal.reason }))) return;
    noticed('resets', this.#id, `${signal.reason} to ${floor.epoch}:${floor.seq}`);
    this.#resets = result.history;
    this.#state = result.state;
    this.#held = [];
    this.#endRewind();
    lane.rewind(this.#id, positionOf(this.#state));
  }

  closed(signal: Signal<'stream-closed'>): void {
    this.#standing = 'closed';
    this.#endTimers();
    this.#context.noticed('closed streams', this.#id, signal.code);
  }

  lostConnection(): void {
    if (this.#rewinding === undefined) return;
    // Its answer may have come and been no better than the first: then the session would go on behind it.
    this.#endRewind();
    this.#context.lane.rewind(this.#id, positionOf(this.#state));
  }

  #commit(signal: Signal<'batch'>): BatchResult | undefined {
    const { store, noticed } = this.#context;
    let result = this.#decide(signal, false);
    const write = () => {
      if (result.applied.length === 0) return;
      const { epoch, seq, chain } = result.next;
      const change = { stream_id: this.#id, epoch, expected_seq: this.#state.seq, seq, chain };
      store.commit([{ ...change, events: result.applied }]);
    };
    const isStored = this.#guard(() => {
      try {
        write();
      } catch (error) {
        if (!isCodedError(error) || error.code !== 'idempotency_conflict') throw error;
        noticed('repeated keys', this.#id, error.code);
        result = this.#decide(signal, true);
        write();
      }
    });
    return isStored ? result : undefined;
  }

  #decide(signal: Signal<'batch'>, withKeys: boolean): BatchResult {
    const { store, reorderLimit, applyBatch } = this.#context;
    const { epoch } = this.#state;
    const applied: AppliedLookup = {
      hashAt: (seq) => store.hashAt(this.#id, epoch, seq),
      ...(withKeys ? { seqOf: (key: string) => store.seqOf(this.#id, epoch, key) } : {}),
    };
    return applyBatch(this.#state, signal.events, { applied, held: this.#held, reorder_limit: reorderLimit });
  }

  /** Runs a write; false when it failed: then nothing has changed, and the stream is read again after a pause. */
  #guard(write: () => void): boolean {
    const { ports, lane, noticed } = this.#context;
    try {
      write();
    } catch (error) {
      if (!isCodedError(error)) throw error;
      noticed('refused writes', this.#id, error.code);
      const delay = Math.min(storeRetryLongestMs, storeRetryMs * 2 ** this.#storeFailures);
      this.#storeFailures += 1;
      // It reads again by itself, and that is not for want of a good answer.
      this.#endRewind();
      this.#storeRetry?.();
      this.#storeRetry = ports.scheduler.after(delay, () => {
        this.#storeRetry = undefined;
        this.#held = [];
        lane.rewind(this.#id, positionOf(this.#state));
      });
      return false;
    }
    this.#storeFailures = 0;
    return true;
  }

  #rewind(why: string): void {
    const { ports, noticed } = this.#context;
    const now = ports.clock.monotonic();
    this.#rewinds = this.#rewinds.filter((at) => now - at < rewindWindowMs);
    if (this.#rewinds.length >= rewindLimit) {
      this.#block(`read again ${rewindLimit} times without help: ${why}`);
      return;
    }
    this.#rewinds = [...this.#rewinds, now];
    noticed('rewinds', this.#id, why);
    this.#readAgain(why);
  }

  #readAgain(why: string): void {
    const { lane, ports } = this.#context;
    this.#endRewind();
    // What was held back comes again with the pages.
    this.#held = [];
    this.#answered = false;
    this.#rewinding = ports.scheduler.after(rewindPatienceMs, () => {
      this.#rewinding = undefined;
      if (this.#standing !== 'following') return;
      // An answer that was no better is a try that did not help. Without any, the lane could not read: it is asked again.
      if (this.#answered) this.#rewind(why);
      else this.#readAgain(why);
    });
    lane.rewind(this.#id, positionOf(this.#state));
  }

  #block(why: string): void {
    this.#standing = 'blocked';
    this.#endTimers();
    this.#held = [];
    this.#context.noticed('blocked', this.#id, why);
    this.#context.lane.unfollow(this.#id);
  }

  #endRewind(): void {
    this.#rewinding?.();
    this.#rewinding = undefined;
  }

  #endTimers(): void {
    this.#endRewind();
    this.#storeRetry?.();
    this.#storeRetry = undefined;
  }
}
