/**
 * What control says of its bridge to Nostr. It is supplemental: no lane, no alarm and no state of this desktop depends on
 * it. Null is what is not known.
 */
export interface BridgeState {
  /** Null before the first answer, and when the last question had none: an older control cannot answer it. */
  readonly summary: BridgeSummary | null;
  /** When control gave it, milliseconds since the Unix epoch by this desktop's clock. */
  readonly at: number | null;
}

export interface BridgeSummary {
  /** `none`: control has no bridge. `waiting`: its thread ended and is begun again. */
  readonly state: 'none' | 'idle' | 'starting' | 'running' | 'waiting' | 'closed';
  readonly relays: number | null;
  /** Relays with a connection now. */
  readonly relays_open: number | null;
  /** Deliveries under way or waiting, and those given up. */
  readonly pending: number | null;
  readonly dead: number | null;
  readonly jobs_open: number | null;
  /** Whether the bridge is connected to the database now. */
  readonly lane_live: boolean | null;
  /** When the bridge said so, by control's clock. */
  readonly as_of: number | null;
}
