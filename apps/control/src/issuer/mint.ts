import type { Clock, Random } from '@autopilot/sync-contract';
import { SignJWT } from 'jose';
import type { KeyRing } from './key-ring.ts';
import { randomId } from './random-id.ts';

/** Whom a token speaks for, and for how long. */
export interface TokenRequest {
  readonly subject: string;
  readonly scopes: readonly string[];
  /** Seconds. */
  readonly ttl: number;
}

/** A signed token. Times are seconds since the Unix epoch. */
export interface MintedToken {
  readonly token: string;
  readonly issued_at: number;
  readonly expires_at: number;
  /** When the holder should ask for the next one: three quarters of the life. */
  readonly refresh_after: number;
  readonly jti: string;
}

/** Signs tokens of one issuer for one audience. */
export type Mint = (request: TokenRequest) => Promise<MintedToken>;

/** What a mint needs. */
export interface MintOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly random: Random;
}

/** A mint over the current key of a ring. */
export function createMint({ issuer, audience, keys, clock, random }: MintOptions): Mint {
  return async ({ subject, scopes, ttl }) => {
    const issuedAt = Math.floor(clock.now() / 1_000);
    const expiresAt = issuedAt + ttl;
    const jti = randomId(random);
    const { kid, key } = keys.signer;
    const token = await new SignJWT({ scope: scopes.join(' '), sid: randomId(random) })
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setJti(jti)
      .setIssuedAt(issuedAt)
      .setNotBefore(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(key);
    return {
      token,
      issued_at: issuedAt,
      expires_at: expiresAt,
      refresh_after: issuedAt + Math.floor(ttl * 0.75),
      jti,
    };
  };
}
