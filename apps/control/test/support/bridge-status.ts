import type { BridgeHostStatus } from '../../src/bridge/bridge-host.ts';

/** What a bridge says of itself; `busy`: with something of everything. Of what nobody here reads nothing is said. */
export function bridgeStatus(busy = false): BridgeHostStatus {
  const relay = (state: string) => ({ url: 'wss://relay.example', state, breaker: 'closed' });
  const status = {
    state: busy ? 'running' : 'starting',
    starts: busy ? 2 : 1,
    as_of: busy ? 1_000 : null,
    present: busy,
    bridge: busy
      ? {
          relays: [relay('open'), relay('waiting')],
          deliveries: [
            { relay: 'wss://relay.example', state: 'pending', number: 3, oldest_since_ms: 0 },
            { relay: 'wss://other.example', state: 'pending', number: 2, oldest_since_ms: 1_000 },
            { relay: 'wss://relay.example', state: 'accepted', number: 7, oldest_since_ms: 0 },
          ],
          jobs: [
            { role: 'provider', state: 'processing', number: 4 },
            { role: 'customer', state: 'processing', number: 9 },
          ],
          inbound: {
            ...{ accepted: 5, duplicate: 6, 'wrong-id': 1, 'wrong-signature': 2 },
            ...{ accept_failures: 100, store_failures: 100, known_signatures: 100 },
          },
        }
      : undefined,
    lane: busy ? { session: 'live', waiting: 8 } : undefined,
  };
  return status as unknown as BridgeHostStatus;
}
