import type { KhalaFrameErrorCode } from '../wire/decode-error.ts';
import type { WorkerEventError } from '../wire/worker-event.ts';
import type { KhalaCloseCode } from './close-reasons.ts';

/** What the lane has counted since it was made. Plain data. */
export interface KhalaStats {
  readonly attempts: number;
  readonly closes: Readonly<Partial<Record<KhalaCloseCode, number>>>;
  /** Reconnects with a newer token while everything was well. */
  readonly renewals: number;
  readonly refresh_failures: number;
  /** Updates of the topic that came in batches, each counted once per copy. */
  readonly updates: number;
  /** Second copies in `sync:frame`: expected, no anomaly. */
  readonly twins: number;
  /** Updates of workers of other owners, dropped. */
  readonly foreign: number;
  /** Updates of own workers that nobody follows. */
  readonly unfollowed: number;
  /** Events that came again in the same way. */
  readonly duplicates: number;
  /** Refused cursors, three copies counted once. */
  readonly stale: number;
  readonly throttles: number;
  readonly disconnects: number;
  readonly reauths: number;
  /** Watermarks that were skipped: every stream was read over HTTP. */
  readonly watermark_gaps: number;
  /** Sequences that were skipped by the topic and read over HTTP. */
  readonly seq_gaps: number;
  /** Updates that came without their payload. */
  readonly hydrations: number;
  readonly hash_mismatches: number;
  /** Sequences that khala itself no longer has in the middle of a stream. */
  readonly holes: number;
  readonly decode_errors: Readonly<Partial<Record<KhalaFrameErrorCode | WorkerEventError['code'], number>>>;
  readonly pages_read: number;
  readonly stalled_reads: number;
  readonly buffer_overflows: number;
  readonly live_events: number;
  readonly replayed_events: number;
  /** Cursors that could not be loaded or saved. */
  readonly cursor_errors: number;
  readonly listener_errors: number;
  readonly illegal_transitions: number;
  readonly stale_callbacks: number;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends object ? Mutable<T[Key]> : T[Key] };

/** The counters of a lane while it counts. */
export type Counters = Mutable<KhalaStats>;

/** Counters of a new lane. */
export function newCounters(): Counters {
  return {
    attempts: 0,
    closes: {},
    renewals: 0,
    refresh_failures: 0,
    updates: 0,
    twins: 0,
    foreign: 0,
    unfollowed: 0,
    duplicates: 0,
    stale: 0,
    throttles: 0,
    disconnects: 0,
    reauths: 0,
    watermark_gaps: 0,
    seq_gaps: 0,
    hydrations: 0,
    hash_mismatches: 0,
    holes: 0,
    decode_errors: {},
    pages_read: 0,
    stalled_reads: 0,
    buffer_overflows: 0,
    live_events: 0,
    replayed_events: 0,
    cursor_errors: 0,
    listener_errors: 0,
    illegal_transitions: 0,
    stale_callbacks: 0,
  };
}

/** A copy for somebody else. */
export function copyOf(counters: Counters): KhalaStats {
  return { ...counters, closes: { ...counters.closes }, decode_errors: { ...counters.decode_errors } };
}
