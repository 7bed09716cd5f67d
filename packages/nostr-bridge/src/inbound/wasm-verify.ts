import { initNostrWasm } from 'nostr-wasm';
import type { NostrEvent } from '../event/event.ts';
import type { VerifyOne } from './verifier.ts';

/**
 * libsecp256k1 in WebAssembly. Its memory does not grow, and it copies hexadecimal texts without looking at their length:
 * it must be given only events that `parseEvent` has read and whose size is bounded.
 */
export async function loadWasmVerify(): Promise<VerifyOne> {
  const wasm = await initNostrWasm();
  return (event: NostrEvent) => {
    try {
      wasm.verifyEvent({ ...event, tags: event.tags as string[][] });
      return true;
    } catch {
      return false;
    }
  };
}
