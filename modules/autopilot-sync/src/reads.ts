import { t } from 'spacetimedb/server';
import { claimsOf, grantOf, requireScope } from './authorise.ts';
import type { Claims } from './claims.ts';
import { emptyPage, type Page, pageAfter, StreamPage } from './pages.ts';
import spacetimedb, { type Ctx, type StreamRow } from './schema.ts';
import { watch, watchesOfConnection } from './watches.ts';

const position = { stream_id: t.string(), epoch: t.string(), after: t.u64(), limit: t.u32() };

const StreamHead = t.object('StreamHead', {
  stream_id: t.string(),
  epoch: t.string(),
  head: t.u64(),
  head_chain: t.string(),
});

/**
 * Checks the grant, registers the watch of this connection and reads a page, in one transaction: every event is either
 * on the page (or a later one) or in the live rows, none in neither.
 */
export const open_stream = spacetimedb.procedure(position, StreamPage, (ctx, { stream_id, epoch, after, limit }) =>
  ctx.withTx((tx) =>
    readable(tx, stream_id, (stream, claims) => {
      watch(tx, claims, stream_id);
      return pageAfter(tx, stream, epoch, after, limit);
    }),
  ),
);

/** As {@link open_stream}, without the watch. */
export const read_page = spacetimedb.procedure(position, StreamPage, (ctx, { stream_id, epoch, after, limit }) =>
  ctx.withTx((tx) => readable(tx, stream_id, (stream) => pageAfter(tx, stream, epoch, after, limit))),
);

/** The heads of the streams that this connection watches and may still read. */
export const read_heads = spacetimedb.procedure(t.array(StreamHead), (ctx) =>
  ctx.withTx((tx) => {
    requireScope(tx, 'sync.subscribe');
    const heads = [];
    for (const { stream_id } of watchesOfConnection(tx)) {
      const stream = tx.db.sync_stream.stream_id.find(stream_id);
      if (stream === null || grantOf(tx, tx.sender, stream_id) === undefined) continue;
      heads.push({ stream_id, epoch: stream.epoch, head: stream.head, head_chain: stream.head_chain });
    }
    return heads;
  }),
);

/** Whether a stream exists is told only to who has a grant on it. */
function readable(tx: Ctx, streamId: string, read: (stream: StreamRow, claims: Claims) => Page): Page {
  const claims = claimsOf(tx);
  if ('code' in claims) return emptyPage(claims.code === 'token_expired' ? 'token_expired' : 'denied');
  if (!claims.scopes.has('sync.subscribe') || grantOf(tx, tx.sender, streamId) === undefined)
    return emptyPage('denied');
  const stream = tx.db.sync_stream.stream_id.find(streamId);
  return stream === null ? emptyPage('unknown_stream') : read(stream, claims);
}
