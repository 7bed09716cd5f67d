import { type DeliveryState, openJobStates, type ProcessState } from '@autopilot/nostr-bridge';
import type { BridgeHostStatus } from './bridge-host.ts';

/** How a bridge stands, for clients that may not see relays and keys. Null is what is not known, never zero. */
export interface BridgeSummary {
  /** `none`: this control has no bridge. */
  readonly state: ProcessState | 'none';
  /** Relays of the settings, and those of them with a connection now. */
  readonly relays: number | null;
  readonly relays_open: number | null;
  /** Deliveries, one for each event and relay, that are under way or wait, and that were given up. */
  readonly pending: number | null;
  readonly dead: number | null;
  /** Jobs of others that are not over. */
  readonly jobs_open: number | null;
  /** Whether the bridge is connected to the database now. */
  readonly lane_live: boolean | null;
  /** When the bridge said so, milliseconds since the Unix epoch; null when it has not said anything. */
  readonly as_of: number | null;
}

const nothing = { relays: null, pending: null, dead: null, jobs_open: null, as_of: null };

/** The summary of a bridge; of none for undefined. */
export function bridgeSummary(status: BridgeHostStatus | undefined): BridgeSummary {
  if (status === undefined) return { state: 'none', ...nothing, relays_open: null, lane_live: null };
  const { state, bridge, lane, present, as_of } = status;
  // A process that is gone has no connection. One that starts may have some, and has not said so.
  const isGone = state !== 'running' && state !== 'starting';
  const open = present ? bridge?.relays.filter((relay) => relay.state === 'open').length : undefined;
  const live = present && lane !== undefined ? lane.session === 'live' : undefined;
  const now = { state, relays_open: open ?? (isGone ? 0 : null), lane_live: live ?? (isGone ? false : null) };
  if (bridge === undefined) return { ...nothing, ...now };
  const deliveries = (...states: readonly DeliveryState[]) =>
    sum(bridge.deliveries.filter((row) => states.includes(row.state)));
  return {
    ...now,
    relays: bridge.relays.length,
    pending: deliveries('pending', 'in-flight'),
    dead: deliveries('dead'),
    jobs_open: sum(bridge.jobs.filter((row) => row.role === 'provider' && openJobStates.includes(row.state))),
    as_of,
  };
}

function sum(rows: readonly { readonly number: number }[]): number {
  return rows.reduce((total, { number }) => total + number, 0);
}
