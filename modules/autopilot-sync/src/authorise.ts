import type { Identity } from 'spacetimedb';
import { type Claims, type Refusal, readClaims } from './claims.ts';
import { fail } from './fail.ts';
import type { Ctx, GrantRow, Tables } from './schema.ts';
import { micros } from './time.ts';

/** What a token may allow. */
export type Scope =
  | 'sync.subscribe'
  | 'sync.append'
  | 'sync.checkpoint.write'
  | 'sync.presence'
  | 'sync.admin'
  | 'sync.bridge'
  | 'sync.compute';

/** What a grant allows on its stream; each role includes those before it. */
export const roles = ['reader', 'writer', 'admin'] as const;
export type Role = (typeof roles)[number];

const configId = 0;

/** The configuration, there from `init` on. */
export function configOf(ctx: { readonly db: Pick<Tables, 'module_config'> }) {
  return ctx.db.module_config.id.find(configId) ?? fail('internal', 'The module was not initialised.');
}

export function isOwner(ctx: { readonly db: Pick<Tables, 'module_config'>; readonly sender: Identity }): boolean {
  return configOf(ctx).owner.isEqual(ctx.sender);
}

/** The claims of the caller's token, or why it is refused. Checked at every call: a connection outlives its token. */
export function claimsOf(ctx: Ctx): Claims | Refusal {
  const jwt = ctx.senderAuth.jwt;
  if (jwt === null) return { code: 'unauthorized', message: 'The caller has no token.' };
  return readClaims(jwt.fullPayload, configOf(ctx), micros(ctx.timestamp));
}

/** The claims of the caller's token; ends the call when it is refused. */
export function requireToken(ctx: Ctx): Claims {
  const claims = claimsOf(ctx);
  return 'code' in claims ? fail(claims.code, claims.message) : claims;
}

/** Ends the call unless the token is good and has the scope. */
export function requireScope(ctx: Ctx, scope: Scope): Claims {
  const claims = requireToken(ctx);
  if (!claims.scopes.has(scope)) fail('forbidden', `The token has no scope ${scope}.`);
  return claims;
}

/** The live grant of an identity on a stream. An expired one does not count, swept or not. */
export function grantOf(ctx: Ctx, identity: Identity, streamId: string): GrantRow | undefined {
  const now = micros(ctx.timestamp);
  for (const grant of ctx.db.stream_grant.by_identity_stream.filter([identity, streamId])) {
    if (grant.expires_micros > now) return grant;
  }
  return undefined;
}

/** Whether an identity may act on a stream in a role. */
export function hasRole(ctx: Ctx, identity: Identity, streamId: string, role: Role): boolean {
  const grant = grantOf(ctx, identity, streamId);
  return grant !== undefined && rank(grant.role) >= rank(role);
}

/** Ends the call unless the caller may act on the stream in the role. */
export function requireRole(ctx: Ctx, streamId: string, role: Role): void {
  if (!hasRole(ctx, ctx.sender, streamId, role)) fail('forbidden', `The caller has no ${role} grant on the stream.`);
}

/** Ends the call unless the caller administers the stream, by scope or by grant. */
export function requireAdmin(ctx: Ctx, streamId: string): Claims {
  const claims = requireToken(ctx);
  if (!claims.scopes.has('sync.admin') && !hasRole(ctx, ctx.sender, streamId, 'admin')) {
    fail('forbidden', 'The caller has neither the scope sync.admin nor an admin grant on the stream.');
  }
  return claims;
}

export function isRole(text: string): text is Role {
  return roles.some((role) => role === text);
}

function rank(role: string): number {
  return isRole(role) ? roles.indexOf(role) : -1;
}
