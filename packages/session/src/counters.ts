import type { CloseCode } from './close-reasons.ts';

/** What a session has counted since it was made. */
export interface Counters {
  /** Connections that were tried, the second ones of a refresh excluded. */
  attempts: number;
  /** Connections that were lost or could not be made, by reason. */
  closes: Partial<Record<CloseCode, number>>;
  /** Refreshes that took over without a gap. */
  refreshes: number;
  refresh_failures: number;
  /** Questions to the token provider. */
  tokens_asked: number;
  /** Times when the machine or the process had slept. */
  wakes: number;
  frames_in: number;
  frames_out: number;
  bytes_in: number;
  bytes_out: number;
  /** Transactions that reached this client. */
  transactions: number;
  pages_read: number;
  /** Events handed over out of pages. */
  replayed_events: number;
  /** Events handed over out of live rows. */
  live_events: number;
  /** Rows that were dropped because they had been handed over before. */
  duplicates: number;
  /** Times when live rows did not follow each other. */
  gaps: number;
  /** Times when so many rows waited for a page that they were dropped to be read again. */
  buffer_overflows: number;
  /** Pages asked for because the host was longer than what had come for a whole poll. */
  head_repairs: number;
  /** Watches that the host had lost. */
  watch_repairs: number;
  /** Reads that brought nothing although more was known to exist, or failed. */
  stalled_reads: number;
  calls_sent: number;
  /** Calls that were sent again after their connection had ended. */
  calls_resent: number;
  /** Callbacks of connections and attempts that were over. */
  stale_callbacks: number;
  /** Listeners and handlers that threw. */
  listener_errors: number;
  /** Events that the transition table does not allow: 0, or a defect. */
  illegal_transitions: number;
}

/** All zero. */
export function newCounters(): Counters {
  return {
    attempts: 0,
    closes: {},
    refreshes: 0,
    refresh_failures: 0,
    tokens_asked: 0,
    wakes: 0,
    frames_in: 0,
    frames_out: 0,
    bytes_in: 0,
    bytes_out: 0,
    transactions: 0,
    pages_read: 0,
    replayed_events: 0,
    live_events: 0,
    duplicates: 0,
    gaps: 0,
    buffer_overflows: 0,
    head_repairs: 0,
    watch_repairs: 0,
    stalled_reads: 0,
    calls_sent: 0,
    calls_resent: 0,
    stale_callbacks: 0,
    listener_errors: 0,
    illegal_transitions: 0,
  };
}
