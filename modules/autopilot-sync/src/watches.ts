import type { Identity } from 'spacetimedb';
import { t } from 'spacetimedb/server';
import { grantOf, requireScope } from './authorise.ts';
import type { Claims } from './claims.ts';
import spacetimedb, { type Ctx, type WatchRow } from './schema.ts';
import { earlier, micros, seconds, timeAt } from './time.ts';

/** How long a watch lives without being renewed. */
const leaseSeconds = 5 * 60;

/** Stops the live rows of one stream for this connection. */
export const unwatch = spacetimedb.reducer({ stream_id: t.string() }, (ctx, { stream_id }) => {
  requireScope(ctx, 'sync.subscribe');
  if (ctx.connectionId !== null) ctx.db.stream_watch.by_connection.delete([ctx.connectionId, stream_id]);
});

/** Extends the leases of this connection; a watch whose grant is gone is dropped instead. */
export const renew_watches = spacetimedb.reducer((ctx) => {
  const claims = requireScope(ctx, 'sync.subscribe');
  for (const watch of watchesOfConnection(ctx)) {
    if (grantOf(ctx, watch.identity, watch.stream_id) === undefined) ctx.db.stream_watch.id.delete(watch.id);
    else ctx.db.stream_watch.id.update({ ...watch, lease_until: leaseEnd(ctx, claims) });
  }
});

/** Registers or renews the watch of this connection. Does nothing for a call without one. */
export function watch(ctx: Ctx, claims: Claims, streamId: string): void {
  const connection_id = ctx.connectionId;
  if (connection_id === null) return;
  const lease_until = leaseEnd(ctx, claims);
  const [existing] = [...ctx.db.stream_watch.by_connection.filter([connection_id, streamId])];
  if (existing !== undefined) ctx.db.stream_watch.id.update({ ...existing, lease_until });
  else ctx.db.stream_watch.insert({ id: 0n, connection_id, identity: ctx.sender, stream_id: streamId, lease_until });
}

export function watchesOfConnection(ctx: Ctx): WatchRow[] {
  return ctx.connectionId === null ? [] : [...ctx.db.stream_watch.by_connection.filter(ctx.connectionId)];
}

/**
 * The identities that are to hear of a stream: each once, however many connections it has, and only while a lease runs
 * and the grant holds. Costs one index scan of the stream's watches and one grant lookup per identity.
 */
export function watchersOf(ctx: Ctx, streamId: string): Identity[] {
  const now = micros(ctx.timestamp);
  const identities = new Map<bigint, Identity>();
  for (const row of ctx.db.stream_watch.by_stream.filter(streamId)) {
    if (micros(row.lease_until) > now) identities.set(row.identity.__identity__, row.identity);
  }
  return [...identities.values()].filter((identity) => grantOf(ctx, identity, streamId) !== undefined);
}

/** Ends the watches of a stream, or those of one identity on it. */
export function dropWatches(ctx: Ctx, streamId: string, identity?: Identity): void {
  if (identity === undefined) ctx.db.stream_watch.by_stream.delete(streamId);
  else ctx.db.stream_watch.by_stream.delete([streamId, identity]);
}

/** A lease ends with the token at the latest: a connection outlives its token, what it may hear does not. */
function leaseEnd(ctx: Ctx, claims: Claims) {
  const full = micros(ctx.timestamp) + seconds(leaseSeconds);
  return timeAt(earlier(full, claims.expiresAt));
}
