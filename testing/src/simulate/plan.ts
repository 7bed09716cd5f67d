import type { FakeStream } from '../fake-host/fake-stream.ts';

/** One stream of a run. */
export interface PlannedStream {
  readonly id: string;
  readonly fanout: FakeStream['fanout'];
  /** Events that are there before the client has started. */
  readonly backlog: number;
  /** The lowest sequence of the backlog that is still kept. */
  readonly firstKept: number;
}

/** What one run is like, faults apart. Times are milliseconds. */
export interface Settings {
  readonly streams: readonly PlannedStream[];
  readonly synchronous: 'NORMAL' | 'FULL';
  readonly pageSize: number;
  readonly liveBuffer: number;
  readonly maxPagesInFlight: number;
  readonly reorderLimit: number;
  readonly headPollMs: number;
  readonly watchdogMs: number;
  readonly requestTimeoutMs: number;
  readonly leaseMs: number;
  readonly tokenLifeMs: number;
  /** The longest way of a message. */
  readonly latencyMs: number;
  /** The longest that a page is under way before it is sent: live rows overtake it. */
  readonly pageDelayMs: number;
}

/** At which write of the store a client ends. `now`: at none. */
export type CrashStep = 'now' | 'commit' | 'reset' | 'quarantine';
/** How far that write has come: not begun, half written, stored and told to nobody, told. */
export type CrashPoint = 'before' | 'torn' | 'stored' | 'told';

/** What goes wrong. */
export type Fault =
  /** Connections end with this close code. */
  | { readonly do: 'cut'; readonly code: 1001 | 1006 | 1011 | 1012 | 1013 }
  /** No bytes and no close; the host gives the connection up after a while. */
  | { readonly do: 'half-open' }
  | { readonly do: 'slow'; readonly forMs: number; readonly latencyMs: number }
  /** The next frames arrive twice. */
  | { readonly do: 'duplicate'; readonly frames: number }
  /** The next frames arrive behind the frame after them. */
  | { readonly do: 'reorder'; readonly frames: number }
  | { readonly do: 'corrupt'; readonly how: 'cut-short' | 'unknown-tag' | 'noise' | 'payload'; readonly frames: number }
  /** The host goes down, and with it every connection; rebuilt: every stream has another epoch afterwards. */
  | {
      readonly do: 'restart';
      readonly downMs: number;
      readonly answer: 'cut' | 'lost' | 503;
      readonly rebuilt: boolean;
      readonly content: 'same' | 'other';
    }
  /** A stream is rebuilt while everybody reads on. */
  | {
      readonly do: 'epoch';
      readonly stream: string;
      readonly notice: boolean;
      readonly events: number;
      readonly firstKept: number;
    }
  /** Events are removed up to `keep` before the head. */
  | { readonly do: 'retention'; readonly stream: string; readonly keep: number }
  /** Every token given so far is over for the host; for `forMs` its module says so of every token that it let in. */
  | { readonly do: 'expire'; readonly forMs: number }
  /** The next upgrades are answered by this status. */
  | { readonly do: 'refuse'; readonly status: 401 | 403 | 429 | 500 | 503; readonly times: number }
  /** The host refuses the old key after `overlapMs`; control signs with it for `lagMs` more. */
  | { readonly do: 'rotate'; readonly overlapMs: number; readonly lagMs: number }
  | { readonly do: 'token-fails'; readonly how: 'retry' | 'refused' | 'throws'; readonly times: number }
  | { readonly do: 'token-hangs'; readonly times: number }
  /** The module refuses connections with this text. */
  | { readonly do: 'reject'; readonly text: string; readonly forMs: number }
  /** The wall clock of the client. */
  | { readonly do: 'clock'; readonly byMs: number }
  | {
      readonly do: 'suspend';
      readonly forMs: number;
      readonly monotonic: 'stands' | 'leaps';
      readonly sockets: 'kept' | 'half-open' | 'cut';
    }
  /** The process ends (`kill`), or the machine loses power: then also what was not synced is gone. */
  | {
      readonly do: 'crash';
      readonly by: 'kill' | 'power';
      readonly step: CrashStep;
      readonly point: CrashPoint;
      /** Of 1: where a torn write ends. */
      readonly share: number;
      readonly downMs: number;
    }
  | { readonly do: 'stop'; readonly downMs: number }
  | {
      readonly do: 'store-fails';
      readonly code: 'disk_full' | 'io_error' | 'locked';
      readonly times: number;
    }
  /** The file has no room for another page of the database. */
  | { readonly do: 'disk-full'; readonly forMs: number }
  | { readonly do: 'pages-fail'; readonly how: 'trap' | 'garbage' | 'empty'; readonly times: number }
  | { readonly do: 'lost-watch'; readonly stream: string }
  /** The host drops the queries of every connection by itself. */
  | { readonly do: 'lost-query' }
  | { readonly do: 'revoke'; readonly stream: string; readonly forMs: number };

/** What a client and its host do in any case. */
export type Work =
  /** `apart`: each event is a transaction of its own. `large`: live rows come without their payload. */
  | {
      readonly do: 'append';
      readonly stream: string;
      readonly count: number;
      readonly apart: boolean;
      readonly large: boolean;
    }
  | { readonly do: 'call'; readonly stream: string }
  | { readonly do: 'follow'; readonly stream: string }
  | { readonly do: 'unfollow'; readonly stream: string }
  | { readonly do: 'retry-now' };

/** One thing that happens, `at` milliseconds after the start. */
export type Step = (Fault | Work) & { readonly at: number };

/** The kinds of faults, by name. */
export type FaultKind = Fault['do'];

/** A whole run as data: what a seed gives, and what a regression file keeps. */
export interface Plan {
  readonly seed: number;
  /** Faults come in this time; then everything is repaired, and the client has to catch up. */
  readonly lengthMs: number;
  readonly settings: Settings;
  readonly steps: readonly Step[];
}
