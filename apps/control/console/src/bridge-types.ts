// What GET /v1/bridge answers, as far as the page shows it. Of a process that has said nothing yet most is missing.

/** `none`: this control has no bridge. Times are milliseconds since the Unix epoch, by the clock of the machine. */
export type BridgeAnswer = { readonly state: 'none' } | BridgeStanding;

export interface BridgeStanding {
  readonly state: 'idle' | 'starting' | 'running' | 'waiting' | 'closed';
  readonly starts: number;
  readonly last_end?: string | undefined;
  readonly as_of: number | null;
  /** Whether what follows was said by the process that runs. */
  readonly present: boolean;
  /** Bytes. */
  readonly memory?: { readonly heap: number; readonly external: number } | undefined;
  readonly lane?: BridgeLane | undefined;
  readonly bridge?: BridgeWord | undefined;
}

interface BridgeLane {
  readonly session: string;
  readonly last_error?: string | undefined;
  readonly kinds: readonly number[];
  readonly waiting: number;
}

export interface BridgeRelay {
  readonly url: string;
  readonly state: 'idle' | 'connecting' | 'open' | 'waiting' | 'closed';
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly lastLoss?: { readonly reason: string; readonly detail: string } | undefined;
}

export interface BridgeWord {
  readonly relays: readonly BridgeRelay[];
  /** Relays outside of the settings. */
  readonly visiting: readonly BridgeRelay[];
  readonly visits: { readonly begun: number; readonly answered: number; readonly expired: number };
  readonly deliveries: readonly BridgeDeliveries[];
  readonly standings: { readonly open: number; readonly reached: number; readonly missed: number };
  readonly jobs: readonly { readonly role: string; readonly state: string; readonly number: number }[];
  readonly inbound: Readonly<Record<string, number>>;
}

interface BridgeDeliveries {
  readonly relay: string;
  readonly state: 'pending' | 'in-flight' | 'accepted' | 'rejected' | 'dead';
  readonly number: number;
  readonly oldest_since_ms: number;
}
