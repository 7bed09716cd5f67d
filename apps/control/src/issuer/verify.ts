import type { Clock } from '@autopilot/sync-contract';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import { ControlError } from '../errors.ts';
import type { KeyRing } from './key-ring.ts';

/** What a verified token says. */
export interface VerifiedToken {
  readonly subject: string;
  readonly scopes: readonly string[];
}

/** Checks a token that somebody presents to control. */
export type Verify = (token: string) => Promise<VerifiedToken>;

/** What verification needs. */
export interface VerifyOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: KeyRing;
  readonly clock: Clock;
}

/**
 * Accepts only tokens of this issuer: ES256 by a published key, with the audience, an expiry ahead, and a subject.
 *
 * The function it returns throws {ControlError} `token_expired`, `token_not_yet_valid`, or `unauthorized` for all else.
 */
export function createVerify({ issuer, audience, keys, clock }: VerifyOptions): Verify {
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet(keys.jwks), {
        issuer,
        audience,
        algorithms: ['ES256'],
        requiredClaims: ['exp', 'iat', 'sub', 'scope'],
        currentDate: new Date(clock.now()),
      });
      if (typeof payload.scope !== 'string' || typeof payload.sub !== 'string') throw new errors.JWTInvalid('scope');
      return { subject: payload.sub, scopes: payload.scope.split(' ').filter((scope) => scope !== '') };
    } catch (cause) {
      throw refusal(cause);
    }
  };
}

function refusal(cause: unknown): ControlError {
  if (cause instanceof errors.JWTExpired) return new ControlError('token_expired', 'The token has expired.', { cause });
  if (cause instanceof errors.JWTClaimValidationFailed && cause.claim === 'nbf') {
    return new ControlError('token_not_yet_valid', 'The token is not valid yet.', { cause });
  }
  return new ControlError('unauthorized', 'The token is not one that this issuer signed for this service.', { cause });
}
