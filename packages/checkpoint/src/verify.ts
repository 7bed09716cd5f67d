import { extendChain, hasTruePayloadHash } from '@autopilot/sync-contract';
import type { Verification } from './store.ts';
import type { StreamRow, StreamStatements } from './stream-statements.ts';

const pageSize = 1_000n;

/** Reads all events of a stream, a page at a time, and recomputes what they give. */
export function verifyStream(statements: StreamStatements, stream: StreamRow): Verification {
  let seq = stream.base_seq;
  let chain = stream.base_chain;
  for (let page = statements.events.all(stream.generation, seq, pageSize); page.length > 0; ) {
    for (const event of page) {
      if (event.seq !== seq + 1n) return { outcome: 'damaged', reason: 'missing_event', seq: seq + 1n };
      if (!hasTruePayloadHash(event)) return { outcome: 'damaged', reason: 'payload_hash_mismatch', seq: event.seq };
      chain = extendChain(chain, event);
      seq = event.seq;
    }
    page = statements.events.all(stream.generation, seq, pageSize);
  }
  if (seq !== stream.seq) return { outcome: 'damaged', reason: 'missing_event', seq: seq + 1n };
  if (chain !== stream.chain) return { outcome: 'damaged', reason: 'chain_differs', seq };
  return { outcome: 'consistent', events: Number(seq - stream.base_seq) };
}
