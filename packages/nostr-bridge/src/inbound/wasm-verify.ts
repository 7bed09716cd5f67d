import type { NostrEvent } from '../event/event.ts';
import type { VerifyOne } from './verifier.ts';

/**
 * libsecp256k1 in WebAssembly. Like {@link verifyByNoble} it takes the id as it is: whoever calls has compared it with the
 * contents. It throws at anything that is not of its length, so it must be given only events that `parseEvent` has read.
 */
export async function loadWasmVerify(): Promise<VerifyOne> {
  const { verifySchnorr } = await import('tiny-secp256k1');
  return ({ id, pubkey, sig }: NostrEvent) => {
    try {
      return verifySchnorr(Buffer.from(id, 'hex'), Buffer.from(pubkey, 'hex'), Buffer.from(sig, 'hex'));
    } catch {
      return false;
    }
  };
}
