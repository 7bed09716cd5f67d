/** Who a token speaks for. The host derives the identity from these two alone. */
export interface TokenSubject {
  readonly iss: string;
  readonly sub: string;
}

/** The subject of a JWT, unverified: only to be compared. Undefined for a token that is not a readable JWT. */
export function subjectOf(token: string): TokenSubject | undefined {
  const parts = token.split('.');
  if (parts.length !== 3 || parts[1] === undefined) return undefined;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof claims !== 'object' || claims === null) return undefined;
  const { iss, sub } = claims as { iss?: unknown; sub?: unknown };
  return typeof iss === 'string' && typeof sub === 'string' ? { iss, sub } : undefined;
}
