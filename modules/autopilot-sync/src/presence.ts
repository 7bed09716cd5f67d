import { t } from 'spacetimedb/server';
import { requireRole, requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { checkId, checkJson, checkTtl, largestDetail, mostSessions } from './limits.ts';
import { announce, endPresence, presenceOf } from './presence-rows.ts';
import spacetimedb, { type Ctx } from './schema.ts';
import { micros, seconds, timeAt } from './time.ts';

// Presence belongs to a connection: a reconnecting client's new connection may come before the old one's end, and the
// old one's end must not take the new one's presence away.

export const upsert_presence = spacetimedb.reducer(
  {
    session_id: t.string(),
    stream_id: t.string(),
    status: t.string(),
    detail: t.string(),
    ttl_seconds: t.u32(),
  },
  (ctx, { session_id, stream_id, status, detail, ttl_seconds }) => {
    requireScope(ctx, 'sync.presence');
    requireRole(ctx, stream_id, 'reader');
    checkId('session_id', session_id);
    checkId('status', status);
    checkJson('detail', detail, largestDetail);
    checkTtl(ttl_seconds);
    const connection_id = requireConnection(ctx);
    const existing = presenceOf(ctx, connection_id, session_id);
    if (existing !== undefined && existing.stream_id !== stream_id) endPresence(ctx, existing);
    const row = {
      identity: ctx.sender,
      connection_id,
      session_id,
      stream_id,
      status,
      detail,
      last_seen: ctx.timestamp,
      expires_at: timeAt(micros(ctx.timestamp) + seconds(ttl_seconds)),
    };
    if (existing !== undefined && existing.stream_id === stream_id) {
      ctx.db.session_presence.id.update({ id: existing.id, ...row });
      if (existing.status !== status || existing.detail !== detail) announce(ctx, row);
      return;
    }
    const held = [...ctx.db.session_presence.by_connection.filter(connection_id)].length;
    if (held >= mostSessions) fail('rate_limited', `A connection holds at most ${mostSessions} sessions.`);
    ctx.db.session_presence.insert({ id: 0n, ...row });
    announce(ctx, row);
  },
);

/** Keeps a presence for as long again as it was given. */
export const heartbeat = spacetimedb.reducer({ session_id: t.string() }, (ctx, { session_id }) => {
  requireScope(ctx, 'sync.presence');
  const row = presenceOf(ctx, requireConnection(ctx), session_id);
  if (row === undefined) {
    return fail('invalid_request', 'The session has no presence on this connection: call upsert_presence first.');
  }
  requireRole(ctx, row.stream_id, 'reader');
  const ttl = micros(row.expires_at) - micros(row.last_seen);
  const expires_at = timeAt(micros(ctx.timestamp) + ttl);
  ctx.db.session_presence.id.update({ ...row, last_seen: ctx.timestamp, expires_at });
});

/** Ends a presence of this connection; one that is not there is no error. */
export const clear_presence = spacetimedb.reducer({ session_id: t.string() }, (ctx, { session_id }) => {
  requireScope(ctx, 'sync.presence');
  const row = presenceOf(ctx, requireConnection(ctx), session_id);
  if (row !== undefined) endPresence(ctx, row);
});

function requireConnection(ctx: Ctx): NonNullable<Ctx['connectionId']> {
  return ctx.connectionId ?? fail('invalid_request', 'Presence belongs to a connection, and this call has none.');
}
