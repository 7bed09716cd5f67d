import { createHmac, timingSafeEqual } from 'node:crypto';

/** Why a token is refused, as khala names it. */
export type TokenRefusal =
  | 'missing_token'
  | 'invalid_token_format'
  | 'invalid_token_encoding'
  | 'invalid_header'
  | 'unsupported_alg'
  | 'missing_kid'
  | 'unknown_kid'
  | 'invalid_signature'
  | 'invalid_claims'
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'claim_mismatch';

/** What a token says of its holder. */
export interface TokenHolder {
  readonly subject: string;
  readonly org_id: string;
  readonly session_id: string;
  readonly device_id: string;
  readonly scopes: readonly string[];
  readonly jti: string;
  /** Seconds since the Unix epoch. */
  readonly issued_at: number;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What the verifier needs to know. */
export interface TokenRules {
  /** Secrets by kid. */
  readonly keyring: Readonly<Record<string, string>>;
  readonly issuer: string;
  /** Which of the two shapes are taken: khala's own verifier took only `sync`, and control minted `khala`. */
  readonly shapes: readonly TokenShape[];
}

/** The two claim shapes that the token routes mint. */
export type TokenShape = 'khala' | 'sync';

/** The fixed parts of each shape. */
export const tokenShapes = {
  khala: { audience: 'openagents-khala', version: 'oa_khala_claims_v1', kid: 'khala-auth-v1', scopes: 'scope' },
  sync: { audience: 'openagents-sync', version: 'oa_sync_claims_v1', kid: 'sync-auth-v1', scopes: 'oa_sync_scopes' },
} as const;

const skewSeconds = 30;

/** An HS256 JWT. Nothing is checked, so that tests can make bad ones. */
export function signToken(header: object, claims: object, secret: string): string {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${mac(text, secret)}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function mac(text: string, secret: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url');
}

/** Checks a token in khala's order; `now` in milliseconds since the Unix epoch. */
export function verifyToken(token: string | null, rules: TokenRules, now: number): TokenHolder | TokenRefusal {
  if (token === null || token === '') return 'missing_token';
  const parts = token.split('.');
  const [head, body, signature] = parts;
  if (parts.length !== 3 || !head || !body || !signature) return 'invalid_token_format';
  const header = decode(head);
  const claims = decode(body);
  if (header === undefined || claims === undefined || !isBase64Url(signature)) return 'invalid_token_encoding';
  if (!isRecord(header)) return 'invalid_header';
  if (header.alg !== 'HS256') return 'unsupported_alg';
  if (typeof header.kid !== 'string' || header.kid === '') return 'missing_kid';
  const secret = Object.hasOwn(rules.keyring, header.kid) ? rules.keyring[header.kid] : undefined;
  if (secret === undefined) return 'unknown_kid';
  const expected = Buffer.from(mac(`${head}.${body}`, secret));
  const given = Buffer.from(signature);
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return 'invalid_signature';
  return isRecord(claims) ? checkClaims(claims, rules, now) : 'invalid_claims';
}

function checkClaims(claims: Record<string, unknown>, rules: TokenRules, now: number): TokenHolder | TokenRefusal {
  const { iat, exp, nbf, sub, jti, iss, aud } = claims;
  if (!isTime(iat) || !isTime(exp) || (nbf !== undefined && !isTime(nbf))) return 'invalid_claims';
  const texts = [sub, jti, iss, aud, claims.oa_org_id, claims.oa_session_id, claims.oa_device_id];
  if (!texts.every((text) => typeof text === 'string' && text !== '')) return 'invalid_claims';
  const shape = rules.shapes.find((name) => tokenShapes[name].audience === aud);
  const scopes = shape === undefined ? undefined : scopesOf(claims[tokenShapes[shape].scopes]);
  if (shape !== undefined && (scopes === undefined || typeof claims.oa_claims_version !== 'string')) {
    return 'invalid_claims';
  }
  const seconds = now / 1000;
  if (exp + skewSeconds <= seconds) return 'token_expired';
  if (iat - skewSeconds > seconds || (nbf !== undefined && (nbf as number) - skewSeconds > seconds)) {
    return 'token_not_yet_valid';
  }
  if (shape === undefined || scopes === undefined || iss !== rules.issuer) return 'claim_mismatch';
  if (claims.oa_claims_version !== tokenShapes[shape].version) return 'claim_mismatch';
  return {
    subject: sub as string,
    org_id: claims.oa_org_id as string,
    session_id: claims.oa_session_id as string,
    device_id: claims.oa_device_id as string,
    scopes,
    jti: jti as string,
    issued_at: iat,
    claims,
  };
}

function scopesOf(value: unknown): string[] | undefined {
  if (typeof value === 'string') return value.split(' ').filter((scope) => scope !== '');
  if (Array.isArray(value) && value.every((scope) => typeof scope === 'string')) return value;
  return undefined;
}

function decode(part: string): unknown {
  if (!isBase64Url(part)) return undefined;
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown;
  } catch {
    return undefined;
  }
}

const isBase64Url = (text: string): boolean => /^[A-Za-z0-9_-]+$/.test(text);
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
