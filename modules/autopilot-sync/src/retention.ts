import { Range, t } from 'spacetimedb/server';
import { requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import spacetimedb from './schema.ts';
import { dropSegments } from './segments.ts';
import { requireStream } from './streams.ts';

/**
 * Removes the events before `keep_from`, by one range of the index. A floor already reached is no error. With the events
 * go their idempotency keys: keep longer than any producer retries.
 */
export const apply_retention = spacetimedb.reducer(
  { stream_id: t.string(), keep_from: t.u64() },
  (ctx, { stream_id, keep_from }) => {
    requireScope(ctx, 'sync.admin');
    const stream = requireStream(ctx, stream_id);
    if (keep_from > stream.head + 1n) {
      fail('invalid_request', `keep_from ${keep_from} is beyond the sequence after the head, ${stream.head + 1n}.`);
    }
    if (keep_from <= stream.first_kept) return;
    const [last] = [...ctx.db.sync_event.by_stream_seq.filter([stream_id, keep_from - 1n])];
    if (last === undefined) return fail('internal', `Event ${keep_from - 1n} is missing from the log.`);
    const gone = new Range<bigint>(
      { tag: 'included', value: stream.first_kept },
      { tag: 'excluded', value: keep_from },
    );
    ctx.db.sync_event.by_stream_seq.delete([stream_id, gone]);
    dropSegments(ctx, stream, keep_from);
    ctx.db.sync_stream.stream_id.update({
      ...stream,
      first_kept: keep_from,
      floor_chain: last.chain,
      updated_at: ctx.timestamp,
    });
  },
);
