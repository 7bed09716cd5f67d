/** What happened at one relay since it was made. Numbers only grow. */
export interface RelayCounters {
  connections: number;
  /** Connections and attempts that ended, by themselves or by this side. */
  losses: number;
  frames: number;
  malformed_frames: number;
  oversized_frames: number;
  /** OKs of events that nobody waits for, EVENTs, EOSEs and CLOSEDs of subscriptions that nobody has. */
  unmatched_frames: number;
  notices: number;
  challenges: number;
  authentications: number;
  failed_authentications: number;
  published: number;
  publish_deadlines: number;
  eose_deadlines: number;
  /** Connections given up because more came than is taken. */
  floods: number;
  breaker_trips: number;
  /** Callbacks of sockets that are over, and inputs that a state does not take. */
  stale_callbacks: number;
}

export function newRelayCounters(): RelayCounters {
  return {
    connections: 0,
    losses: 0,
    frames: 0,
    malformed_frames: 0,
    oversized_frames: 0,
    unmatched_frames: 0,
    notices: 0,
    challenges: 0,
    authentications: 0,
    failed_authentications: 0,
    published: 0,
    publish_deadlines: 0,
    eose_deadlines: 0,
    floods: 0,
    breaker_trips: 0,
    stale_callbacks: 0,
  };
}
