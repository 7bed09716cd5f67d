import { SyncError, topicForStreamId } from '@autopilot/sync-contract';
import type { StreamPhase, StreamView } from './desktop-state.ts';

/** Why a stream stands still until somebody does something. */
export interface Standstill {
  readonly phase: 'blocked' | 'quarantined' | 'closed';
  readonly note: string;
}

/** How far a stream is in the store. */
export interface AppliedPosition {
  /** Empty or null when nothing was applied yet. */
  readonly epoch: string | null;
  readonly seq: bigint;
  readonly chain: string;
}

/** What the view model keeps of one stream, with its lag. */
export class StreamRecord {
  readonly stream_id: string;
  readonly #topic: string | null;
  #position: AppliedPosition;
  #head: bigint | null = null;
  #headCurrent = false;
  #proof: StreamView['proof'] = null;
  #standstill: Standstill | undefined;
  #remark: string | undefined;
  #last: { readonly kind: string; readonly at: number } | undefined;
  #caughtUpLive = false;
  /** Monotonic milliseconds; undefined while level and before the first time it was. */
  #leftLevelAt: number | undefined;
  #level = false;

  constructor(streamId: string, position: AppliedPosition) {
    this.stream_id = streamId;
    this.#topic = topicOf(streamId);
    this.#position = position;
  }

  get level(): boolean {
    return this.#level;
  }

  /** A closed stream is not waited for: it takes no part in the lag. */
  get closed(): boolean {
    return this.#standstill?.phase === 'closed';
  }

  /** Events known to be missing; null when the head was not seen on this connection. */
  get lag(): bigint | null {
    if (this.#head === null || !this.#headCurrent) return null;
    return this.#head > this.#position.seq ? this.#head - this.#position.seq : 0n;
  }

  moveTo(position: AppliedPosition): void {
    const before = this.#position.epoch;
    // A head that was named before the first position is about the epoch that this position is of.
    if (before !== null && before !== '' && position.epoch !== before) {
      this.#head = null;
      this.#proof = null;
    }
    this.#position = position;
  }

  /** Set elsewhere without applying what lies between: what was proved before is about another history. */
  jumpTo(position: AppliedPosition): void {
    this.moveTo(position);
    this.#proof = null;
  }

  applied(kind: string, at: number): void {
    this.#last = { kind, at };
  }

  sawHead(head: bigint): void {
    this.#head = head;
    this.#headCurrent = true;
  }

  proved(equal: boolean): void {
    this.#proof = { seq: this.#position.seq, equal };
  }

  /** The connection is gone: nobody knows how long the stream is now. */
  lostConnection(): void {
    this.#headCurrent = false;
    this.#caughtUpLive = false;
  }

  standStill(standstill: Standstill | undefined): void {
    this.#standstill = standstill;
  }

  /** A sentence that stays with the stream, e.g. where its history begins. */
  remark(text: string): void {
    this.#remark = text;
  }

  /** Call after every change. */
  settle(monotonic: number): void {
    const level = this.lag === 0n;
    if (level) {
      this.#leftLevelAt = undefined;
      this.#caughtUpLive = true;
    } else if (this.#level) this.#leftLevelAt = monotonic;
    this.#level = level;
  }

  view(monotonic: number): StreamView {
    return {
      stream_id: this.stream_id,
      topic: this.#topic,
      epoch: this.#position.epoch === '' ? null : this.#position.epoch,
      seq: this.#position.seq,
      head: this.#head,
      head_current: this.#headCurrent,
      chain: this.#position.chain,
      proof: this.#proof,
      lag_events: this.lag,
      lag_seconds: this.#lagSeconds(monotonic),
      last_kind: this.#last?.kind ?? null,
      last_at: this.#last?.at ?? null,
      state: this.#phase(),
      note: this.#standstill?.note ?? this.#remark ?? null,
    };
  }

  #lagSeconds(monotonic: number): number | null {
    if (this.#level) return 0;
    return this.#leftLevelAt === undefined ? null : (monotonic - this.#leftLevelAt) / 1000;
  }

  #phase(): StreamPhase {
    if (this.#standstill !== undefined) return this.#standstill.phase;
    if (this.#proof?.equal === false) return 'diverged';
    if (this.lag === null) return 'following';
    if (this.#level) return 'level';
    return this.#caughtUpLive ? 'behind' : 'replaying';
  }
}

function topicOf(streamId: string): string | null {
  try {
    return topicForStreamId(streamId);
  } catch (error) {
    if (error instanceof SyncError) return null;
    throw error;
  }
}
