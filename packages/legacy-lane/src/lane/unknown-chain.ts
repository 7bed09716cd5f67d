import type { StreamPosition } from '@autopilot/sync-contract';

const prefix = 'unknown:khala:';

/**
 * The chain at a floor of khala, which keeps none. No SHA-256 digest looks like it, so a chain that was begun here never
 * equals the one of a host: what is not known does not count as equal. Two readers that begin at the same floor of the
 * same epoch have equal chains.
 */
export function unknownChain(floor: StreamPosition): string {
  return `${prefix}${floor.epoch}:${floor.seq}`;
}

/** Whether a chain is the mark of a floor whose true chain nobody knows. */
export function isUnknownChain(chain: string): boolean {
  return chain.startsWith(prefix);
}
