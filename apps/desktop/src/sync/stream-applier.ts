import {
  type Alarm,
  type AppliedLookup,
  applyBatch,
  applyErrors,
  type BatchResult,
  type Conflict,
  compareHead,
  type Head,
  initialState,
  noResets,
  positionOf,
  type ReorderBuffer,
  resetToFloor,
  type StreamState,
} from '@autopilot/apply-engine';
import type { CheckpointStore, QuarantineOutcome } from '@autopilot/checkpoint';
import { type Cancel, isCodedError, type Lane, type LaneSignal, type Ports } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { ViewModel } from '../view-model/view-model.ts';
import type { AckQueue } from './ack-queue.ts';
import { openConflicts } from './quarantine.ts';
import { createRewindBudget } from './rewind-budget.ts';
import type { SyncLane } from './sync-lane.ts';

/** What the appliers of one lane share. */
export interface ApplierContext {
  readonly lane: Pick<Lane, 'id' | 'rewind' | 'unfollow'> & Pick<SyncLane, 'gaveUp'>;
  readonly store: CheckpointStore;
  readonly view: ViewModel;
  readonly acks: Pick<AckQueue, 'note'>;
  readonly ports: Ports;
  readonly log: Log;
}

type Signal<Type extends LaneSignal['type']> = Extract<LaneSignal, { type: Type }>;

/** Reading a stream again this often in this time has not helped: it is blocked and shown. */
const rewindLimit = 6;
const rewindWindowMs = 60_000;
/** A rewind that brought nothing for so long is made again. */
const rewindPatienceMs = 5000;
const storeRetryMs = 1000;
const storeRetryLongestMs = 30_000;
/** A live stream may know of events for so long without getting them. */
const emptyPatienceMs = 10_000;

/** Applies what a lane brings for one stream: decide, commit, and only then show. */
export class StreamApplier {
  readonly #context: ApplierContext;
  readonly #id: string;
  readonly #budget = createRewindBudget(rewindLimit, rewindWindowMs);
  #state: StreamState;
  #held: ReorderBuffer = [];
  #resets = noResets;
  /** The newest that the host said of the end of the stream on this connection. */
  #head: Head | undefined;
  /** The watermark when the host last named a head: what it says afterwards can only be more. */
  #seqAtHead = 0n;
  #lowHeads = 0;
  /** An event beyond the watermark that was set aside. */
  #refused: bigint | undefined;
  #standing: 'following' | 'stopped' = 'following';
  /** A rewind is under way: what comes too early in the meantime is no new gap. */
  #rewinding: Cancel | undefined;
  /** The lane has brought something of this stream since it was last told to read again. */
  #answered = false;
  #storeRetry: Cancel | undefined;
  #storeFailures = 0;
  /** Monotonic time since when events are known and missing while the lane says live. */
  #emptySince: number | undefined;

  constructor(context: ApplierContext, streamId: string) {
    this.#context = context;
    this.#id = streamId;
    const stored = context.store.load(streamId);
    this.#state =
      stored === undefined
        ? initialState(streamId)
        : { stream_id: streamId, epoch: stored.epoch, seq: stored.seq, chain: stored.chain };
    context.view.follow(streamId, this.#state, stored === undefined ? 0 : Number(stored.seq - stored.base_seq));
    this.#tellOfQuarantine();
  }

  /** Where the lane has to read on. */
  get position() {
    return positionOf(this.#state);
  }

  batch(signal: Signal<'batch'>): void {
    this.#answered = true;
    if (this.#standing === 'stopped' || this.#storeRetry !== undefined) return;
    const before = this.#state;
    const result = this.#commit(signal);
    if (result === undefined) return;
    this.#state = result.next;
    this.#held = result.held;
    const { view, lane, acks } = this.#context;
    if (result.applied.length > 0) {
      this.#emptySince = undefined;
      this.#endRewind();
      const { source } = signal;
      view.applied({ lane: lane.id, stream_id: this.#id, events: result.applied, source, position: result.next });
      const { epoch, seq, chain } = result.next;
      acks.note({ stream_id: this.#id, epoch, seq, chain });
      if (this.#refused !== undefined && seq >= this.#refused) {
        // It had only been damaged on its way: the second reading was good.
        this.#refused = undefined;
        view.clear('event_quarantined', this.#id);
      }
    }
    const repeated = result.duplicates.length + result.stale.length;
    if (repeated > 0) view.count('duplicates', repeated);
    const { epoch } = result.next;
    if (this.#head === undefined || (this.#head.epoch === epoch && signal.head > this.#head.head)) {
      this.#head = { epoch, head: signal.head };
    }
    this.#showHead(signal.head, epoch);
    for (const [index, conflict] of result.conflicts.entries()) this.#quarantine(conflict, result.alarms[index]);
    if (result.other_epoch.length > 0) this.#rewind('events of another epoch came');
    else if (result.gap !== undefined) this.#meetGap(result, before);
    this.#compare();
  }

  head(signal: Signal<'head'>): void {
    const { epoch, head, head_chain } = signal;
    this.#head = head_chain === undefined ? { epoch, head } : { epoch, head, head_chain };
    this.#showHead(head, epoch);
    this.#compare();
    // Events may overtake a head on its way, and two answers each other: what was applied before the last head has to
    // be missing twice before it counts as lost.
    this.#lowHeads = epoch === this.#state.epoch && head < this.#seqAtHead ? this.#lowHeads + 1 : 0;
    if (this.#lowHeads === 0) this.#context.view.clear('host_behind', this.#id);
    if (this.#lowHeads >= 2) {
      const message = `The host has ${head} events of ${this.#id}, but ${this.#seqAtHead} were applied before.`;
      this.#context.view.raise('host_behind', message, this.#id);
    }
    this.#seqAtHead = epoch === this.#state.epoch ? this.#state.seq : 0n;
  }

  stale(signal: Signal<'stale'>): void {
    const { view, store, ports, lane } = this.#context;
    this.#answered = true;
    view.count('stale');
    const floor = { epoch: signal.floor.epoch, seq: signal.floor.seq, chain: signal.floor_chain };
    const result = resetToFloor(this.#state, floor, this.#resets, ports.clock.monotonic());
    if (result.outcome === 'blocked') {
      this.#resets = result.history;
      const reason = result.history.blocked?.reason ?? 'resets_exhausted';
      this.#stop('blocked', `${reason}: ${applyErrors[reason].next}`);
      return;
    }
    const known = this.position !== null;
    const stored = this.#guardStore(() => store.resetStream(this.#id, { ...floor, reason: signal.reason }));
    if (!stored) return;
    this.#resets = result.history;
    this.#state = result.state;
    this.#held = [];
    this.#head = undefined;
    this.#seqAtHead = 0n;
    this.#endRewind();
    view.moved(this.#id, result.state);
    const from = `Its history here begins at ${result.state.seq + 1n}`;
    view.remark(this.#id, `${from} (${signal.reason}).`);
    if (known) {
      view.count('resets');
      const message = `${this.#id} was started anew (${signal.reason}). ${from}.`;
      view.raise('history_skipped', message, this.#id);
    }
    this.#context.log.warn({ stream_id: this.#id, reason: signal.reason, seq: String(floor.seq) }, 'stream reset');
    this.#showHead(signal.head, floor.epoch);
    lane.rewind(this.#id, this.position);
  }

  closed(signal: Signal<'stream-closed'>): void {
    const { view } = this.#context;
    this.#standing = 'stopped';
    this.#endRewind();
    this.#endStoreRetry();
    view.standStill(this.#id, { phase: 'closed', note: `${signal.code}: ${signal.message}` });
    view.raise('stream_closed', `${this.#id} can no longer be read (${signal.code}).`, this.#id);
    view.clear('live_but_empty', this.#id);
  }

  /** Granted again after it was closed. */
  reopen(): void {
    const { view } = this.#context;
    this.#standing = 'following';
    this.#held = [];
    view.standStill(this.#id, undefined);
    view.clear('stream_closed', this.#id);
  }

  /** Looks for a stream that is said to be live and stays empty. */
  watch(laneIsLive: boolean): void {
    const { view, ports } = this.#context;
    const missing = this.#head === undefined || compareHead(this.#state, this.#head) === 'behind';
    if (!laneIsLive || !missing || this.#standing === 'stopped') {
      this.#emptySince = undefined;
      view.clear('live_but_empty', this.#id);
      return;
    }
    const now = ports.clock.monotonic();
    this.#emptySince ??= now;
    if (now - this.#emptySince < emptyPatienceMs) return;
    const why =
      this.#head === undefined
        ? 'its head was never named'
        : `the host has ${this.#head.head} events, ${this.#state.seq} are applied`;
    view.raise('live_but_empty', `The lane says live, but ${this.#id} does not move: ${why}.`, this.#id);
  }

  /** The connection is gone, and with it what the host said. */
  lostConnection(): void {
    this.#head = undefined;
    this.#emptySince = undefined;
    if (this.#rewinding === undefined) return;
    // Its answer may have come and been no better than the first: then the lane would go on behind it.
    this.#endRewind();
    this.#context.lane.rewind(this.#id, this.position);
  }

  /** Ends every timer. */
  close(): void {
    this.#standing = 'stopped';
    this.#endRewind();
    this.#endStoreRetry();
  }

  /** Decides and makes it durable; undefined when nothing may be shown because nothing was stored. */
  #commit(signal: Signal<'batch'>): BatchResult | undefined {
    const { store } = this.#context;
    let result = this.#decide(signal, false);
    const write = () => {
      if (result.applied.length === 0) return;
      const { epoch, seq, chain } = result.next;
      const change = { stream_id: this.#id, epoch, expected_seq: this.#state.seq, seq, chain };
      store.commit([{ ...change, events: result.applied }]);
    };
    const stored = this.#guardStore(() => {
      try {
        write();
      } catch (error) {
        if (!isCodedError(error) || error.code !== 'idempotency_conflict') throw error;
        // Looking every key up costs a read per event, so it is done only for a batch that holds a repeated one.
        result = this.#decide(signal, true);
        write();
      }
    });
    return stored ? result : undefined;
  }

  #decide(signal: Signal<'batch'>, withKeys: boolean): BatchResult {
    const { store } = this.#context;
    const { epoch } = this.#state;
    const applied: AppliedLookup = {
      hashAt: (seq) => store.hashAt(this.#id, epoch, seq),
      ...(withKeys ? { seqOf: (key: string) => store.seqOf(this.#id, epoch, key) } : {}),
    };
    return applyBatch(this.#state, signal.events, { applied, held: this.#held });
  }

  /** Runs a write; false when it failed: then nothing has changed and the stream is read again after a pause. */
  #guardStore(write: () => void): boolean {
    const { view, ports, lane, log } = this.#context;
    try {
      write();
    } catch (error) {
      if (!isCodedError(error)) throw error;
      view.raise('store_failed', `Events could not be stored (${error.code}): ${error.message}`, this.#id);
      log.error({ stream_id: this.#id, code: error.code, err: error }, 'store failed');
      const delay = Math.min(storeRetryLongestMs, storeRetryMs * 2 ** this.#storeFailures);
      this.#storeFailures += 1;
      // It reads again by itself, and that is not for want of a good answer.
      this.#endRewind();
      this.#storeRetry?.();
      this.#storeRetry = ports.scheduler.after(delay, () => {
        this.#storeRetry = undefined;
        this.#held = [];
        lane.rewind(this.#id, this.position);
      });
      return false;
    }
    if (this.#storeFailures > 0) view.clear('store_failed', this.#id);
    this.#storeFailures = 0;
    return true;
  }

  #meetGap(result: BatchResult, before: StreamState): void {
    const { view } = this.#context;
    const { gap } = result;
    if (gap === undefined) return;
    const reused = result.conflicts.find(({ reason }) => reason === 'idempotency_key_reused');
    if (gap.cause === 'quarantined' && reused !== undefined) {
      // The host would send the very same event again.
      this.#stop('quarantined', `${reused.reason} at ${reused.event.seq}: ${applyErrors[reused.reason].next}`);
      return;
    }
    // Until the rewind answers, everything that comes is beyond the same gap.
    if (this.#rewinding !== undefined && before.seq === this.#state.seq) return;
    view.count('gaps');
    this.#rewind(`${gap.expected} is missing (${gap.cause})`, gap.cause === 'quarantined' ? 'quarantined' : 'blocked');
  }

  /** Reads again from the watermark; blocks the stream when that did not help several times. */
  #rewind(why: string, otherwise: 'blocked' | 'quarantined' = 'blocked'): void {
    const { ports, log } = this.#context;
    if (!this.#budget.take(ports.clock.monotonic())) {
      this.#stop(otherwise, `Read again ${rewindLimit} times without help: ${why}.`);
      return;
    }
    log.warn({ stream_id: this.#id, seq: String(this.#state.seq), why }, 'rewind');
    this.#readAgain(why, otherwise);
  }

  #readAgain(why: string, otherwise: 'blocked' | 'quarantined'): void {
    const { lane, ports } = this.#context;
    this.#endRewind();
    // What was held back comes again with the pages.
    this.#held = [];
    this.#answered = false;
    this.#rewinding = ports.scheduler.after(rewindPatienceMs, () => {
      this.#rewinding = undefined;
      if (this.#standing !== 'following') return;
      // An answer that was no better is a try that did not help. Without any, the lane could not read: it is asked again.
      if (this.#answered) this.#rewind(why, otherwise);
      else this.#readAgain(why, otherwise);
    });
    lane.rewind(this.#id, this.position);
  }

  #endRewind(): void {
    this.#rewinding?.();
    this.#rewinding = undefined;
  }

  /** The stream is not read any more; the next reading begins at the watermark anyway. */
  #endStoreRetry(): void {
    this.#storeRetry?.();
    this.#storeRetry = undefined;
  }

  #quarantine(conflict: Conflict, alarm: Alarm | undefined): void {
    const { store, view, log } = this.#context;
    const { event, reason, known_hash } = conflict;
    view.count('conflicts');
    if (event.epoch === this.#state.epoch && event.seq > this.#state.seq) this.#refused = event.seq;
    log.error({ stream_id: this.#id, seq: String(event.seq), reason }, 'event quarantined');
    let outcome: QuarantineOutcome | undefined;
    this.#guardStore(() => {
      outcome = store.quarantine({ stream_id: this.#id, reason, event, known_hash });
    });
    const message = alarm === undefined ? reason : `${alarm.message} ${alarm.next}`;
    const full = outcome === 'counted' ? ' The quarantine of this stream is full: it was counted and not kept.' : '';
    view.raise('event_quarantined', message + full, this.#id);
  }

  /** What was set aside in an earlier run and not explained since stays an alarm. */
  #tellOfQuarantine(): void {
    const conflicts = openConflicts(this.#context.store, this.#id, this.position);
    const [first] = conflicts;
    if (first === undefined) return;
    const { event, reason } = first;
    if (event.epoch === this.#state.epoch && event.seq > this.#state.seq) this.#refused = event.seq;
    const count = conflicts.length === 1 ? 'An event was' : `${conflicts.length} events were`;
    const message = `${count} set aside in ${this.#id} before this start, the first one at ${event.seq}: ${reason}.`;
    this.#context.view.raise('event_quarantined', message, this.#id);
  }

  #stop(phase: 'blocked' | 'quarantined', note: string): void {
    const { view, lane, log } = this.#context;
    this.#standing = 'stopped';
    this.#held = [];
    this.#endRewind();
    this.#endStoreRetry();
    lane.gaveUp?.(this.#id);
    lane.unfollow(this.#id);
    view.standStill(this.#id, { phase, note });
    view.raise('stream_blocked', `${this.#id} is ${phase}. ${note}`, this.#id);
    view.clear('live_but_empty', this.#id);
    log.error({ stream_id: this.#id, note }, `stream ${phase}`);
  }

  #showHead(head: bigint, epoch: string): void {
    // A head of another epoch says nothing about how far this one is.
    if (this.position === null || epoch === this.#state.epoch) this.#context.view.head(this.#id, head);
  }

  /** Compares with what the host last said, as soon as both are at the same sequence. */
  #compare(): void {
    const { view, log } = this.#context;
    if (this.#head === undefined || this.#standing === 'stopped') return;
    const verdict = compareHead(this.#state, this.#head);
    if (verdict === 'equal') {
      view.chainProven(this.#id, true);
      view.clear('chain_divergence', this.#id);
    } else if (verdict === 'differs') {
      view.chainProven(this.#id, false);
      view.raise('chain_divergence', `${this.#id} has another history than the host at ${this.#state.seq}.`, this.#id);
      log.error({ stream_id: this.#id, seq: String(this.#state.seq) }, 'chain divergence');
    } else if (verdict === 'other-epoch' && this.#rewinding === undefined && this.#storeRetry === undefined) {
      this.#rewind('the host names another epoch');
    }
  }
}
