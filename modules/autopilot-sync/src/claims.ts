import type { SyncErrorCode } from '@autopilot/sync-contract';

/** The claims of a token that the module decides by. */
export interface Claims {
  /** Microseconds since the Unix epoch. */
  readonly expiresAt: bigint;
  readonly scopes: ReadonlySet<string>;
}

/** Why a token is refused. */
export interface Refusal {
  readonly code: Extract<SyncErrorCode, 'unauthorized' | 'token_expired' | 'token_not_yet_valid'>;
  readonly message: string;
}

/** Whom the module trusts. */
export interface Trust {
  readonly issuer: string;
  readonly audience: string;
}

/** How far ahead the clock of the issuer may be, microseconds. */
const clockLeeway = 60_000_000n;

/** Reads a token payload; everything missing or of another type refuses. `now` in microseconds since the Unix epoch. */
export function readClaims(payload: Readonly<Record<string, unknown>>, trust: Trust, now: bigint): Claims | Refusal {
  if (trust.issuer === '') return refuse('unauthorized', 'The module has no trusted issuer yet.');
  if (payload.iss !== trust.issuer) return refuse('unauthorized', 'The token is not of the trusted issuer.');
  if (!audiences(payload.aud).includes(trust.audience)) {
    return refuse('unauthorized', `The token is not for "${trust.audience}".`);
  }
  const expiresAt = numericDate(payload.exp);
  if (expiresAt === undefined) return refuse('unauthorized', 'The token has no expiry.');
  if (expiresAt <= now) return refuse('token_expired', 'The token has expired.');
  if (payload.nbf !== undefined) {
    const notBefore = numericDate(payload.nbf);
    if (notBefore === undefined) return refuse('unauthorized', 'The claim nbf of the token is not a time.');
    if (notBefore > now + clockLeeway) return refuse('token_not_yet_valid', 'The token is not valid yet.');
  }
  if (typeof payload.scope !== 'string') return refuse('unauthorized', 'The token has no scope.');
  return { expiresAt, scopes: new Set(payload.scope.split(' ').filter((scope) => scope !== '')) };
}

function audiences(aud: unknown): readonly unknown[] {
  return Array.isArray(aud) ? aud : [aud];
}

function numericDate(value: unknown): bigint | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) return undefined;
  return BigInt(Math.floor(value)) * 1_000_000n;
}

function refuse(code: Refusal['code'], message: string): Refusal {
  return { code, message };
}
