import { canonicalJson } from '@autopilot/sync-contract';
import {
  CompactSign,
  type CryptoKey,
  compactVerify,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWK,
  type KeyObject,
} from 'jose';
import { CutoverError } from '../errors.ts';

/** The only algorithm. A document that names another one is refused before its key is looked at. */
const algorithm = 'ES256';
/** More characters than the largest policy has. */
const longestDocument = 16 * 1024 * 1024;

/** A private P-256 key with the id its public half is published under. */
export interface PolicySigningKey {
  readonly kid: string;
  readonly key: CryptoKey | KeyObject | JWK;
}

/** Signs a JSON value: compact JWS, ES256, with `typ` and `kid`. */
export async function signDocument(typ: string, value: unknown, { kid, key }: PolicySigningKey): Promise<string> {
  const payload = new TextEncoder().encode(canonicalJson(value));
  return await new CompactSign(payload).setProtectedHeader({ alg: algorithm, typ, kid }).sign(key);
}

/**
 * Checks form, algorithm, type, key and signature, and only then reads the value.
 *
 * @throws {CutoverError} `unknown_key` when the set has no such P-256 key; `bad_signature` for everything else.
 */
export async function verifyDocument(jws: string, typ: string, keys: JSONWebKeySet): Promise<unknown> {
  const header = headerOf(jws);
  if (header.alg !== algorithm) refuse(`it is signed with ${String(header.alg)}, and only ${algorithm} is taken`);
  if (header.typ !== typ) refuse(`it is a ${String(header.typ)}, not a ${typ}`);
  const key = keyOf(jws, keys);
  try {
    const { payload } = await compactVerify(jws, key, { algorithms: [algorithm] });
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    return refuse('signature or content is damaged', cause);
  }
}

/**
 * The public key of a set that a document names by its `kid`. Nothing is proved by that.
 *
 * @throws {CutoverError} `unknown_key` when the set has no such P-256 key; `bad_signature` when it is no JWS.
 */
export function keyOf(jws: string, keys: JSONWebKeySet): JWK {
  const id = headerOf(jws).kid;
  const key = keys.keys.find(({ kid, kty, crv }) => kid === id && kty === 'EC' && crv === 'P-256');
  if (typeof id !== 'string' || key === undefined) {
    throw new CutoverError('unknown_key', `No P-256 key with the id ${String(id)} is known.`, {
      details: { kid: typeof id === 'string' ? id : null },
    });
  }
  const { kty, crv, x, y } = key;
  // Only what makes a public key: a wrong `alg` or `use`, or a private part, has no say here.
  return { kty, crv, x, y, kid: id } as JWK;
}

function headerOf(jws: unknown): { alg?: unknown; typ?: unknown; kid?: unknown } {
  if (typeof jws !== 'string' || jws.length > longestDocument) return refuse('it is no text, or too long');
  try {
    return decodeProtectedHeader(jws);
  } catch (cause) {
    return refuse('it is no compact JWS', cause);
  }
}

function refuse(why: string, cause?: unknown): never {
  throw new CutoverError('bad_signature', `The signed document is refused: ${why}.`, { cause });
}
