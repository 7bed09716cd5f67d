import type { LaneId, LaneState, Recovery } from '@autopilot/sync-contract';
import type { BridgeState } from './bridge-state.ts';
import type { CommsState } from './comms-state.ts';

// What the health page and GET /api/state show. Times are milliseconds since the Unix epoch by the core's clock unless a
// name says otherwise; `null` always means "not known", never "good".

/** Where the connection of the lane stands. */
export interface ConnectionState {
  /** The lane that applied the last event of this run; null before the first. Taken from the event's own lane. */
  readonly lane: LaneId | null;
  readonly state: LaneState;
  readonly since: number;
  /** The lane's code for how it got into this state; null before the first transition. */
  readonly reason: string | null;
  readonly message: string | null;
  /** Failed attempts in a row. */
  readonly attempts: number;
  /** Milliseconds from `now` to the next attempt; null when none is planned. */
  readonly next_retry_ms: number | null;
  /** The negotiated websocket subprotocol. */
  readonly protocol: string | null;
  /** Hex. */
  readonly identity: string | null;
  readonly database: string | null;
  readonly uri: string | null;
}

/** The token that the connection was made with. */
export interface TokenState {
  readonly issued_at: number;
  readonly expires_at: number;
  /** When a new one is asked for. */
  readonly refresh_after: number;
}

/** Counters. All but `stored` count since this process started. */
export interface Totals {
  /** Events committed to the store. */
  readonly applied: number;
  /** Events that earlier runs had committed, found in the store at the start. */
  readonly stored: number;
  readonly duplicates: number;
  readonly gaps: number;
  /** Events set aside because they contradict what was applied or their own hash. */
  readonly conflicts: number;
  /** Streams restarted from a floor, with history left out. */
  readonly resets: number;
  /** Cursors that the host could not serve. */
  readonly stale: number;
}

/** How far behind. */
export interface LagState {
  /** Events known to exist and not applied; null while the head of a followed stream is not known on this connection. */
  readonly events: bigint | null;
  /** Since every stream was last level with its head; 0 while level, null when they never were in this run. */
  readonly seconds: number | null;
}

/** From the host's commit to the commit in this desktop's store, for events that came live. */
export interface LatencyState {
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  /** How many events the percentiles stand on: the most recent ones, bounded. */
  readonly samples: number;
  /** Events whose commit time lies in this machine's future. They are left out: the clocks disagree. */
  readonly skewed: number;
}

/** The present catch-up, or the last one. */
export interface ReplayState {
  readonly active: boolean;
  readonly done: number;
  readonly total: number;
  /** Events per second over the last seconds; null when nothing is replayed. */
  readonly rate: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
}

/**
 * What one stream is doing. `following`: its head is not known. `diverged`: the host has another history. `blocked`,
 * `quarantined` and `closed` stand still.
 */
export type StreamPhase =
  | 'following'
  | 'replaying'
  | 'level'
  | 'behind'
  | 'diverged'
  | 'blocked'
  | 'quarantined'
  | 'closed';

/** One followed stream. */
export interface StreamView {
  readonly stream_id: string;
  /** The topic that the id was made of; null when it was made of none. */
  readonly topic: string | null;
  readonly epoch: string | null;
  /** The watermark: every event up to this one is in the store. */
  readonly seq: bigint;
  /** The last head that was seen. */
  readonly head: bigint | null;
  /** Whether `head` was seen on the present connection. */
  readonly head_current: boolean;
  /** The rolling hash at `seq`. */
  readonly chain: string;
  /** The last time the host named its chain at our sequence: where, and whether both were equal; null when never. */
  readonly proof: { readonly seq: bigint; readonly equal: boolean } | null;
  readonly lag_events: bigint | null;
  readonly lag_seconds: number | null;
  readonly last_kind: string | null;
  /** When the host committed the last applied event. */
  readonly last_at: number | null;
  readonly state: StreamPhase;
  /** Why it is blocked, quarantined or closed, or where its history begins. */
  readonly note: string | null;
}

/** One change of the lane's state. */
export interface Transition {
  readonly at: number;
  readonly from: LaneState;
  readonly to: LaneState;
  readonly reason: string;
  readonly message: string | null;
}

/** Something that a person should look at. It stays until its cause is gone. */
export interface Alarm {
  readonly code: string;
  readonly message: string;
  readonly since: number;
  readonly stream_id: string | null;
  readonly recovery: Recovery;
  readonly next: string;
}

/** What this desktop publishes. */
export interface FeedState {
  readonly kind: 'recorded' | 'codex';
  readonly agent: string;
  /** A word of the publisher: running, done, waiting, stopped ... */
  readonly state: string;
  /** Events accepted by control. */
  readonly published: number;
  /** Entries of the local journal that the publisher is not through with. */
  readonly pending: number;
  /** Events that control refused for good. */
  readonly dead: number;
  readonly last_error: string | null;
  /** How many requests for consent were answered how; null where nobody is asked: a recording. */
  readonly approvals: { readonly accepted: number; readonly declined: number } | null;
  /** For a person: what was declined, what was resumed. Newest last, bounded. */
  readonly notes: readonly string[];
  /** The publisher's own chain of every stream it writes. */
  readonly chains: readonly { readonly stream_id: string; readonly count: bigint; readonly chain: string }[];
}

/** The last minutes in equal steps, the newest last. */
export interface History {
  readonly step_ms: number;
  /** The end of the newest step. */
  readonly until: number;
  readonly applied: readonly number[];
  /** Lag at the end of each step; null where it was not known. */
  readonly lag: readonly (number | null)[];
}

/** Everything there is to see, at one moment. Never changed after it was made. */
export interface DesktopState {
  /** Rises with every change. */
  readonly version: number;
  /** When this snapshot was made. */
  readonly now: number;
  readonly boot: {
    readonly pid: number;
    readonly started_at: number;
    readonly build: string;
    readonly environment: string;
  };
  readonly connection: ConnectionState;
  readonly token: TokenState | null;
  readonly totals: Totals;
  readonly lag: LagState;
  readonly latency: LatencyState;
  readonly replay: ReplayState;
  readonly streams: readonly StreamView[];
  /** Newest last, bounded. */
  readonly transitions: readonly Transition[];
  readonly alarms: readonly Alarm[];
  readonly feed: FeedState | null;
  /** Null where there is one lane and nobody decides. */
  readonly comms: CommsState | null;
  /** Null where nobody asks for it. */
  readonly bridge: BridgeState | null;
  readonly history: History;
}

/** A value as JSON carries it: every bigint as its decimal text. */
export type JsonForm<T> = T extends bigint
  ? string
  : T extends readonly (infer Item)[]
    ? readonly JsonForm<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: JsonForm<T[Key]> }
      : T;

/** {@link DesktopState} as `GET /api/state` and the live socket carry it. */
export type DesktopStateJson = JsonForm<DesktopState>;
