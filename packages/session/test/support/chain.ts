import { extendChain, genesisChain, type SyncEvent } from '@autopilot/sync-contract';

/** The chain over events, as any reader computes it. */
export function chainOf(streamId: string, events: readonly SyncEvent[]): string {
  return events.reduce((chain, event) => extendChain(chain, event), genesisChain(streamId));
}
