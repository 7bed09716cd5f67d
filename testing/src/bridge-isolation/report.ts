import type { LaneOutcome } from '../owner-lane/owner-lane.ts';

/** What bridges did beside the lane: processes that were started and ended for silence, and what the bridges counted. */
export interface BridgeCounts {
  readonly bridge: { starts: number; ended_here: number };
  /** What the bridge read and stored meanwhile, and connections that it lost. */
  readonly seen: { read: number; mirrored: number; failures: number; losses: number };
}

/** How late the events of the owner were with a bridge that runs, against those with one that is stopped. */
export interface IsolationTimes {
  readonly rounds: number;
  /** Events that were measured, half of them with the bridge running. */
  readonly events: number;
  /** How many times as long the 99th percentile from publishing to stored was. */
  readonly p99_ratio: number;
  /** The same of two halves with a bridge that is stopped, of which nothing differs: how far chance alone leads here. */
  readonly null_p99_ratio: number;
  /** Of the first events after each start, and of those after the second half of them: the part above `off_ms`. */
  readonly late_at_start: number;
  readonly late_later: number;
  /** The 99th percentiles in milliseconds. */
  readonly off_ms: number;
  readonly on_ms: number;
}

/** What one run came to. */
export interface IsolationReport extends BridgeCounts {
  readonly outcome: LaneOutcome;
  /** Only where rounds were asked for. */
  readonly times?: IsolationTimes;
}
