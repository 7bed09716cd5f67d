import { deliveryStates, jobStates, type ProcessState, processStates } from '@autopilot/nostr-bridge';
import type { Context } from '../http/context.ts';

/** Sets the gauges of the bridge to what it last said. */
export function exposeBridge({ bridge, clock, metrics }: Pick<Context, 'bridge' | 'clock' | 'metrics'>): void {
  const status = bridge?.status();
  const own: ProcessState | undefined = status?.state;
  for (const state of processStates) metrics.set('cutover_bridge_state', { state }, state === own ? 1 : 0);
  metrics.set('cutover_bridge_starts', {}, status?.starts ?? 0);
  metrics.set('cutover_bridge_lane_live', {}, own === 'running' && status?.lane?.session === 'live' ? 1 : 0);
  metrics.set('cutover_bridge_waiting_events', {}, status?.lane?.waiting ?? 0);
  const said = status?.bridge;
  // A process that does not run has no connection, whatever the one before it said last.
  const open = own === 'running' ? (said?.relays.filter(({ state }) => state === 'open').length ?? 0) : 0;
  metrics.set('cutover_bridge_relays', { connection: 'open' }, open);
  metrics.set('cutover_bridge_relays', { connection: 'none' }, (said?.relays.length ?? 0) - open);
  for (const state of deliveryStates) {
    const numbers = said?.deliveries.filter((row) => row.state === state).map(({ number }) => number) ?? [];
    metrics.set('cutover_bridge_deliveries', { state }, sum(numbers));
  }
  const since = said?.deliveries.filter(({ state }) => state === 'pending').map((row) => row.oldest_since_ms) ?? [];
  const oldest = since.length === 0 ? 0 : Math.max(0, clock.now() - Math.min(...since)) / 1_000;
  metrics.set('cutover_bridge_oldest_pending_seconds', {}, oldest);
  for (const state of jobStates) {
    const numbers = said?.jobs.filter((row) => row.state === state && row.role === 'provider') ?? [];
    metrics.set('cutover_bridge_jobs', { state }, sum(numbers.map(({ number }) => number)));
  }
  const { accepted = 0, duplicate = 0, ...others } = said?.inbound ?? {};
  const {
    accept_failures: _a,
    store_failures: _s,
    known_signatures: _k,
    ...refused
  } = others as Record<string, number>;
  metrics.set('cutover_bridge_inbound_events', { outcome: 'accepted' }, accepted);
  metrics.set('cutover_bridge_inbound_events', { outcome: 'duplicate' }, duplicate);
  metrics.set('cutover_bridge_inbound_events', { outcome: 'refused' }, sum(Object.values(refused)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
