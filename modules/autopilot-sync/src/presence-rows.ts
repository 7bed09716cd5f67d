import { canonicalJson } from '@autopilot/sync-contract';
import type { Identity } from 'spacetimedb';
import type { Ctx, PresenceRow } from './schema.ts';
import { signal } from './signals.ts';

/** The presence of one session of this connection. */
export function presenceOf(ctx: Ctx, connectionId: NonNullable<Ctx['connectionId']>, sessionId: string) {
  const [row] = [...ctx.db.session_presence.by_connection.filter([connectionId, sessionId])];
  return row;
}

/** Ends a presence and tells the watchers of its stream. */
export function endPresence(ctx: Ctx, row: PresenceRow): void {
  ctx.db.session_presence.id.delete(row.id);
  announce(ctx, { ...row, status: 'gone' });
}

/** Ends every presence of one identity on a stream. */
export function dropPresenceOf(ctx: Ctx, streamId: string, identity: Identity): void {
  for (const row of [...ctx.db.session_presence.stream_id.filter(streamId)]) {
    if (row.identity.isEqual(identity)) endPresence(ctx, row);
  }
}

/** Tells the watchers of a stream who is there. */
export function announce(ctx: Ctx, row: Omit<PresenceRow, 'id'>): void {
  const { session_id, status, detail, stream_id } = row;
  signal(ctx, stream_id, 'presence', canonicalJson({ session_id, status, detail: JSON.parse(detail) }), row.identity);
}
