import { deliveryStates, jobStates, processStates } from '@autopilot/nostr-bridge';
import type { MetricSpec } from './metric-spec.ts';

/** What is counted of the bridge to Nostr. Relays are counted, never named: their number is the configuration's. */
export const bridgeMetrics = {
  cutover_bridge_state: {
    type: 'gauge',
    help: 'State of the process of the bridge to Nostr: 1 for the state it is in, 0 for the others; all 0 without a bridge.',
    labels: { state: processStates },
  },
  cutover_bridge_starts: {
    type: 'gauge',
    help: 'Processes of the bridge that were started; each after the first is a restart.',
  },
  cutover_bridge_relays: {
    type: 'gauge',
    help: 'Relays of the bridge, by whether a connection is open.',
    labels: { connection: ['open', 'none'] },
  },
  cutover_bridge_deliveries: {
    type: 'gauge',
    help: 'Events that the bridge keeps, counted once for each relay that they are for.',
    labels: { state: deliveryStates },
  },
  cutover_bridge_oldest_pending_seconds: {
    type: 'gauge',
    help: 'How long the oldest delivery has been waiting; 0 when none waits.',
  },
  cutover_bridge_jobs: {
    type: 'gauge',
    help: 'Jobs of others that the bridge keeps, by state.',
    labels: { state: jobStates },
  },
  cutover_bridge_inbound_events: {
    type: 'gauge',
    help: 'Events that relays sent to the process of the bridge that runs, by what became of them.',
    labels: { outcome: ['accepted', 'duplicate', 'refused'] },
  },
  cutover_bridge_lane_live: { type: 'gauge', help: 'Whether the bridge is connected to the database: 1 or 0.' },
  cutover_bridge_waiting_events: {
    type: 'gauge',
    help: 'Events of the lane that wait to leave for Nostr, as far as the database shows them.',
  },
} as const satisfies Record<string, MetricSpec>;
