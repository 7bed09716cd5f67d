import { t } from 'spacetimedb/server';
import { requireRole, requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { checkId, mostCheckpoints } from './limits.ts';
import spacetimedb, { type Ctx, type StreamRow } from './schema.ts';
import { requireStream } from './streams.ts';
import { micros } from './time.ts';

/** Notes how far a client of the caller has applied a stream. Moves forward only within an epoch. */
export const ack_checkpoint = spacetimedb.reducer(
  { client_id: t.string(), stream_id: t.string(), epoch: t.string(), seq: t.u64(), chain: t.string() },
  (ctx, { client_id, stream_id, epoch, seq, chain }) => {
    requireScope(ctx, 'sync.checkpoint.write');
    requireRole(ctx, stream_id, 'reader');
    checkId('client_id', client_id);
    const stream = requireStream(ctx, stream_id);
    if (epoch !== stream.epoch) fail('epoch_changed', 'The checkpoint is of another epoch of the stream.');
    if (seq > stream.head) fail('invalid_request', `seq ${seq} is beyond the head ${stream.head}.`);
    const known = chainAt(ctx, stream, seq);
    if (known !== undefined && known !== chain) {
      fail('invalid_request', `chain is not that of the stream at ${seq}: the reader has seen other events.`);
    }
    const row = { identity: ctx.sender, client_id, stream_id, epoch, seq, chain, updated_at: ctx.timestamp };
    const [existing] = [...ctx.db.sync_checkpoint.by_stream_client.filter([stream_id, ctx.sender, client_id])];
    if (existing === undefined) {
      dropOldest(ctx, stream_id);
      ctx.db.sync_checkpoint.insert({ id: 0n, ...row });
      return;
    }
    if (existing.epoch === epoch && seq < existing.seq) {
      fail('invalid_request', `seq ${seq} is before the checkpoint at ${existing.seq}.`);
    }
    if (existing.epoch !== epoch || seq > existing.seq) ctx.db.sync_checkpoint.id.update({ id: existing.id, ...row });
  },
);

/** The chain of a stream at a sequence; undefined below the floor, where nothing is known any more. */
function chainAt(ctx: Ctx, stream: StreamRow, seq: bigint): string | undefined {
  if (seq === stream.head) return stream.head_chain;
  if (seq + 1n === stream.first_kept) return stream.floor_chain;
  const [event] = [...ctx.db.sync_event.by_stream_seq.filter([stream.stream_id, seq])];
  return event?.chain;
}

/** Clients come with new ids after a reinstall: the one unused for longest makes room. */
function dropOldest(ctx: Ctx, streamId: string): void {
  const held = [...ctx.db.sync_checkpoint.by_stream_client.filter([streamId, ctx.sender])];
  if (held.length < mostCheckpoints) return;
  const oldest = held.reduce((a, b) => (micros(b.updated_at) < micros(a.updated_at) ? b : a));
  ctx.db.sync_checkpoint.id.delete(oldest.id);
}
