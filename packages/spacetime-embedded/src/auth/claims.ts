import { HostError } from '../errors.ts';
import { identityOf } from './identity.ts';

/** What a token says, after its signature was found true. */
export interface Claims {
  readonly issuer: string;
  readonly subject: string;
  /** Hex. */
  readonly identity: string;
  /** The payload as it was signed, as JSON text. */
  readonly payload: string;
}

/** Seconds that a token is accepted past its `exp`. */
const expiryLeeway = 60;

/**
 * Checks the claims of a token: `iss`, `sub` and `iat` are there, `exp` has not passed, and `hex_identity`, if it is
 * there, is the identity of the two. `aud` is not checked here: that is the module's to do.
 *
 * @param now seconds since the Unix epoch.
 * @throws {HostError} `token_rejected`.
 */
export function readClaims(payload: string, now: number): Claims {
  const claims = parseObject(payload);
  const { iss, sub, iat, exp, hex_identity: hexIdentity } = claims;
  const issuer = shortText(iss, 'iss');
  const subject = shortText(sub, 'sub');
  if (!isTime(iat)) throw rejected('the claim iat is missing or not a time');
  if (exp !== undefined && exp !== null) {
    if (!isTime(exp)) throw rejected('the claim exp is not a time');
    if (exp + expiryLeeway < now) throw rejected('the token has expired');
  }
  const identity = identityOf(issuer, subject);
  if (hexIdentity !== undefined && hexIdentity !== null && hexIdentity !== identity) {
    throw rejected('the claim hex_identity is not the identity of iss and sub');
  }
  return { issuer, subject, identity, payload };
}

/** The claims of a payload as an object. */
export function parseObject(payload: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(payload);
  } catch {
    throw rejected('the payload is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw rejected('the payload is no object');
  return value as Readonly<Record<string, unknown>>;
}

/** An error that says why a token is refused. */
export function rejected(reason: string, cause?: unknown): HostError {
  return new HostError('token_rejected', `Authorization is invalid: ${reason}`, cause === undefined ? {} : { cause });
}

function shortText(value: unknown, name: string): string {
  if (typeof value !== 'string') throw rejected(`the claim ${name} is missing`);
  const length = Buffer.byteLength(value);
  if (length < 1 || length > 128) throw rejected(`the claim ${name} must have 1 to 128 bytes`);
  return value;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
