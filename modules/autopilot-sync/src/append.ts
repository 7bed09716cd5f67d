import { canonicalPayloadHash, extendChain } from '@autopilot/sync-contract';
import { t } from 'spacetimedb/server';
import { hasRole, requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { fanOut } from './fan-out.ts';
import { checkHashForm, checkId, checkJson, checkStreamId, largestPayload } from './limits.ts';
import spacetimedb, { type Ctx, type StreamRow } from './schema.ts';
import { createStream } from './streams.ts';

/**
 * Appends one event: allocates its sequence, extends the chain, tells the watchers, all in this transaction. The same
 * key with the same kind and hash adds nothing and is acknowledged with the sequence it has.
 */
export const append_sync_event = spacetimedb.reducer(
  {
    stream_id: t.string(),
    kind: t.string(),
    payload: t.string(),
    payload_hash: t.string(),
    idempotency_key: t.string(),
    expected_next_seq: t.option(t.u64()),
  },
  (ctx, { stream_id, kind, payload, payload_hash, idempotency_key, expected_next_seq }) => {
    const claims = requireScope(ctx, 'sync.append');
    const admin = claims.scopes.has('sync.admin');
    if (!admin && !hasRole(ctx, ctx.sender, stream_id, 'writer')) {
      fail('forbidden', 'The caller has neither the scope sync.admin nor a writer grant on the stream.');
    }
    checkStreamId(stream_id);
    checkId('kind', kind);
    checkId('idempotency_key', idempotency_key);
    checkHashForm(payload_hash);
    checkJson('payload', payload, largestPayload);
    if (canonicalPayloadHash(payload) !== payload_hash) {
      fail('payload_hash_mismatch', 'payload_hash is not the hash of the payload.');
    }
    const stream = streamFor(ctx, stream_id, admin);
    const earlier = findByKey(ctx, stream_id, idempotency_key);
    if (earlier !== undefined) {
      if (earlier.payload_hash !== payload_hash || earlier.kind !== kind) {
        fail('idempotency_conflict', `The key names event ${earlier.seq} with another kind or payload.`);
      }
      return acknowledge(ctx, stream, idempotency_key, 'duplicate', earlier.seq);
    }
    const seq = stream.head + 1n;
    if (expected_next_seq !== undefined && expected_next_seq !== seq) {
      fail('sequence_conflict', `The next sequence is ${seq}, not ${expected_next_seq}.`);
    }
    const chain = extendChain(stream.head_chain, { seq, kind, idempotency_key, payload_hash });
    const committed_at = ctx.timestamp;
    const event = { stream_id, seq, kind, payload, payload_hash, idempotency_key, committed_at, chain };
    ctx.db.sync_event.insert(event);
    ctx.db.sync_stream.stream_id.update({ ...stream, head: seq, head_chain: chain, updated_at: ctx.timestamp });
    fanOut(ctx, stream, event);
    acknowledge(ctx, stream, idempotency_key, 'appended', seq);
  },
);

function streamFor(ctx: Ctx, streamId: string, admin: boolean): StreamRow {
  const stream = ctx.db.sync_stream.stream_id.find(streamId);
  if (stream !== null) return stream;
  if (!admin) fail('unknown_stream', `There is no stream ${streamId}.`);
  return createStream(ctx, streamId, 'default', 'inbox');
}

function findByKey(ctx: Ctx, streamId: string, key: string) {
  const [event] = [...ctx.db.sync_event.by_stream_key.filter([streamId, key])];
  return event;
}

function acknowledge(ctx: Ctx, stream: StreamRow, key: string, outcome: 'appended' | 'duplicate', seq: bigint): void {
  const { stream_id, epoch } = stream;
  ctx.db.append_receipt.insert({ recipient: ctx.sender, stream_id, idempotency_key: key, outcome, epoch, seq });
}
