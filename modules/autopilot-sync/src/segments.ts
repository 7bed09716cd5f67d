import { segmentLength } from './limits.ts';
import type { Ctx, StreamRow } from './schema.ts';

/** Where the event with a sequence is in the public table. */
export function segmentKey(route: string, seq: bigint): string {
  return `${route}:${(seq - 1n) / segmentLength}`;
}

/** Removes the rows of a public stream before `keepFrom`, by the keys of their segments. */
export function dropSegments(ctx: Ctx, stream: StreamRow, keepFrom: bigint): void {
  if (stream.fanout !== 'public') return;
  const { segment_key } = ctx.db.public_event;
  for (let seq = stream.first_kept; seq < keepFrom; seq = ((seq - 1n) / segmentLength + 1n) * segmentLength + 1n) {
    const key = segmentKey(stream.route, seq);
    if (key !== segmentKey(stream.route, keepFrom)) segment_key.delete(key);
    else for (const row of [...segment_key.filter(key)]) if (row.seq < keepFrom) ctx.db.public_event.delete(row);
  }
}
