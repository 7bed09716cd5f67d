import { randomUUID } from 'node:crypto';
import type { KhalaUser } from './options.ts';
import { signToken, type TokenShape, tokenShapes } from './token.ts';
import { workerEvents } from './topics.ts';
import type { KhalaWorld } from './world.ts';

/** What a token is minted for. */
export interface MintRequest {
  readonly shape?: TokenShape;
  readonly user?: KhalaUser;
  readonly scopes?: readonly string[];
  readonly device_id?: string;
  readonly ttl_seconds?: number;
  /** Claims put over the ones that were made. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A minted token with everything that the answers say of it. Times in seconds since the Unix epoch. */
export interface MintedToken {
  readonly token: string;
  readonly kid: string;
  readonly token_id: string;
  readonly issued_at: number;
  readonly expires_at: number;
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly org_id: string;
  readonly session_id: string;
  readonly device_id: string;
  readonly claims_version: string;
  readonly scopes: readonly string[];
}

/** Mints a token as control does. */
export function mintToken(world: KhalaWorld, request: MintRequest = {}): MintedToken {
  const shape = request.shape ?? 'khala';
  const { audience, version, kid, scopes: scopeClaim } = tokenShapes[shape];
  const user = request.user ?? { user_id: 'user-1' };
  const issuedAt = Math.floor(world.clock.now() / 1000);
  const ttl = request.ttl_seconds ?? world.options.tokenTtlSeconds ?? 300;
  const minted = {
    kid,
    token_id: `${shape}_${randomUUID()}`,
    issued_at: issuedAt,
    expires_at: issuedAt + ttl,
    issuer: world.tokenRules.issuer,
    audience,
    subject: `user:${user.user_id}`,
    org_id: user.org_id ?? 'org-1',
    session_id: user.session_id ?? `session-${user.user_id}`,
    device_id: request.device_id ?? user.device_id ?? `device-${user.user_id}`,
    claims_version: version,
    scopes: request.scopes ?? [workerEvents],
  };
  const claims = {
    iss: minted.issuer,
    aud: audience,
    sub: minted.subject,
    jti: minted.token_id,
    iat: minted.issued_at,
    nbf: minted.issued_at,
    exp: minted.expires_at,
    oa_user_id: user.user_id,
    oa_org_id: minted.org_id,
    oa_session_id: minted.session_id,
    oa_device_id: minted.device_id,
    oa_role: user.role ?? 'member',
    oa_claims_version: version,
    [scopeClaim]: minted.scopes,
    ...request.claims,
  };
  const secret = world.tokenRules.keyring[kid] ?? '';
  return { ...minted, token: signToken({ alg: 'HS256', typ: 'JWT', kid }, claims, secret) };
}
