import { sha256Hex } from '#sha256';

/**
 * The rolling hash of a stream up to one sequence: 64 lowercase hex digits. Two readers with the same chain at the same
 * sequence have seen the same events in the same order, none missing and none twice.
 */
export type ChainHash = string;

/** What of an event goes into the chain. */
export interface ChainLink {
  readonly seq: bigint;
  readonly kind: string;
  readonly idempotency_key: string;
  readonly payload_hash: string;
}

/** The chain of a stream before its first event. */
export function genesisChain(streamId: string): ChainHash {
  return sha256Hex(`autopilot-chain-v1\n${streamId}`);
}

/** The chain after one more event. */
export function extendChain(previous: ChainHash, link: ChainLink): ChainHash {
  // The length before `kind` keeps the two free texts apart, so that different links never give the same input.
  return sha256Hex(
    `${previous}\n${link.seq}\n${link.payload_hash}\n${link.kind.length}:${link.kind}${link.idempotency_key}`,
  );
}
