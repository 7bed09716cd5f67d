import type { Identity } from 'spacetimedb';
import { t } from 'spacetimedb/server';
import { isRole, requireAdmin, roles } from './authorise.ts';
import { fail } from './fail.ts';
import { checkGrantable } from './limits.ts';
import { dropPresenceOf } from './presence-rows.ts';
import spacetimedb, { type Ctx, type GrantRow } from './schema.ts';
import { rotateRoute } from './streams.ts';
import { micros, never } from './time.ts';
import { dropWatches } from './watches.ts';

/** Gives an identity a role on a stream, which need not exist yet; replaces the role and expiry it had. */
export const grant_stream = spacetimedb.reducer(
  { identity: t.identity(), stream_id: t.string(), role: t.string(), expires_at: t.option(t.timestamp()) },
  (ctx, { identity, stream_id, role, expires_at }) => {
    requireAdmin(ctx, stream_id);
    checkGrantable(stream_id);
    if (!isRole(role)) fail('invalid_request', `role "${role}" is not one of ${roles.join(', ')}.`);
    const expires_micros = expires_at === undefined ? never : micros(expires_at);
    if (expires_micros <= micros(ctx.timestamp)) fail('invalid_request', 'expires_at is not in the future.');
    const [existing] = grantsOn(ctx, identity, stream_id);
    if (existing === undefined) {
      ctx.db.stream_grant.insert({ id: 0n, identity, stream_id, role, expires_at, expires_micros });
    } else {
      ctx.db.stream_grant.id.update({ ...existing, role, expires_at, expires_micros });
    }
  },
);

export const revoke_stream = spacetimedb.reducer(
  { identity: t.identity(), stream_id: t.string() },
  (ctx, { identity, stream_id }) => {
    requireAdmin(ctx, stream_id);
    for (const grant of grantsOn(ctx, identity, stream_id)) endGrant(ctx, grant, 'revoked');
  },
);

/** Ends a grant and everything that hung on it, and tells its holder why. */
export function endGrant(ctx: Ctx, grant: GrantRow, detail: 'revoked' | 'expired'): void {
  const { identity, stream_id } = grant;
  ctx.db.stream_grant.id.delete(grant.id);
  dropWatches(ctx, stream_id, identity);
  dropPresenceOf(ctx, stream_id, identity);
  rotateRoute(ctx, stream_id);
  ctx.db.stream_notice.insert({ recipient: identity, stream_id, notice: 'revoked', detail });
}

function grantsOn(ctx: Ctx, identity: Identity, streamId: string): GrantRow[] {
  return [...ctx.db.stream_grant.by_identity_stream.filter([identity, streamId])];
}
