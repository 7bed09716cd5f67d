import type { LaneState, StreamPosition } from '@autopilot/sync-contract';
import type { CloseCode } from './close-reasons.ts';
import type { Counters } from './counters.ts';
import type { Fanout } from './module/reducers.ts';
import type { ReadMode } from './streams/record.ts';
import type { ReplayProgress } from './streams/replay.ts';
import type { Protocol } from './wire/client-message.ts';

/** One followed stream. */
export interface StreamStatus {
  /** The last event that was handed over; null before the epoch is known. */
  readonly position: StreamPosition | null;
  /** The highest sequence known to exist; undefined before the host has said anything. */
  readonly head: bigint | undefined;
  /** `catching-up`: not at the head. `stale`: waits for the owner's rewind. `closed`: cannot be read. */
  readonly phase: 'waiting' | 'catching-up' | 'live' | 'stale' | 'closed';
  /** How the host tells of new events; undefined before the first page. */
  readonly source: Fanout | undefined;
  readonly read_mode: ReadMode;
  /** The present catching up: from where, how far, how fast, and the target. */
  readonly progress: ReplayProgress | undefined;
  /** Reads in a row that failed or brought nothing although more is known to exist; 0 when it is well. */
  readonly stalls: number;
  /** Live rows that wait for a page. */
  readonly waiting_rows: number;
  /** Events that were handed over and that the owner has not applied; undefined without `applyWindow`. */
  readonly unapplied: number | undefined;
  /** Since when nothing is handed over because of that: milliseconds since the Unix epoch. */
  readonly held_since: number | undefined;
}

/** One connection of a session. */
export interface ConnectionStatus {
  readonly read_mode: ReadMode;
  readonly state: LaneState;
  /** Since when, by the session's clock: milliseconds since the Unix epoch. */
  readonly since: number;
  /** The number of the last attempt. */
  readonly attempt: number;
  /** Attempts in a row that proved no use. */
  readonly failures: number;
  readonly last_close: { readonly code: CloseCode; readonly message: string; readonly at: number } | undefined;
  /** Milliseconds until the next attempt; undefined when none is planned. */
  readonly next_retry_ms: number | undefined;
  /** Whether a second connection is being made with a newer token. */
  readonly refreshing: boolean;
  readonly protocol: Protocol | undefined;
  /** Hex. */
  readonly identity: string | undefined;
  /** Hex. */
  readonly connection_id: string | undefined;
}

/** A snapshot for health pages: of the main connection, and of all. Plain data, no secrets. */
export interface SessionStatus extends ConnectionStatus {
  /** Milliseconds since the Unix epoch. */
  readonly token_expires_at: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly token_refresh_after: number | undefined;
  readonly database: string | undefined;
  readonly calls: { readonly queued: number; readonly in_flight: number };
  /** The main connection, and the one of the other read mode while something is read in it. */
  readonly connections: readonly ConnectionStatus[];
  readonly streams: Readonly<Record<string, StreamStatus>>;
  readonly counters: Readonly<Counters>;
}
