import { largestInlinePayload } from './limits.ts';
import type { Ctx, EventRow, StreamRow } from './schema.ts';
import { segmentKey } from './segments.ts';
import { utf8Length } from './utf8.ts';
import { watchersOf } from './watches.ts';

/**
 * Tells the readers of a stream about a new event. Costs what its watchers cost, nothing for other streams; of a public
 * stream one row, however many read it.
 */
export function fanOut(ctx: Ctx, stream: StreamRow, event: EventRow): void {
  if (stream.fanout === 'doorbell') {
    ctx.db.bell.insert({ route: stream.route, seq: event.seq });
    return;
  }
  const inline = event.payload.length <= largestInlinePayload && utf8Length(event.payload) <= largestInlinePayload;
  const row = { ...event, epoch: stream.epoch, payload: inline ? event.payload : '', inline };
  if (stream.fanout === 'public') {
    ctx.db.public_event.insert({ ...row, segment_key: segmentKey(stream.route, event.seq) });
    return;
  }
  for (const recipient of watchersOf(ctx, stream.stream_id)) ctx.db.live_inbox.insert({ ...row, recipient });
}
