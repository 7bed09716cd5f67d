import { t } from 'spacetimedb/server';
import { hasRole, requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { checkJson, largestDetail } from './limits.ts';
import spacetimedb, { type Ctx } from './schema.ts';
import { requireStream } from './streams.ts';
import { watchersOf } from './watches.ts';

/** Tells the watchers of a stream what may be lost: how far a piece of work is. Kept nowhere. */
export const signal_progress = spacetimedb.reducer(
  { stream_id: t.string(), payload: t.string() },
  (ctx, { stream_id, payload }) => {
    const claims = requireScope(ctx, 'sync.append');
    if (!claims.scopes.has('sync.admin') && !hasRole(ctx, ctx.sender, stream_id, 'writer')) {
      fail('forbidden', 'The caller has neither the scope sync.admin nor a writer grant on the stream.');
    }
    checkJson('payload', payload, largestDetail);
    requireStream(ctx, stream_id);
    signal(ctx, stream_id, 'progress', payload, ctx.sender);
  },
);

/** Sends one transient signal to each identity that watches a stream. */
export function signal(
  ctx: Ctx,
  streamId: string,
  kind: 'presence' | 'progress',
  payload: string,
  sender: Ctx['sender'],
): void {
  for (const recipient of watchersOf(ctx, streamId)) {
    ctx.db.transient_signal.insert({ recipient, stream_id: streamId, kind, payload, sender });
  }
}
