import { sha256Hex } from '#sha256';
import { type CanonicalJson, canonicalJson } from './canonical-json.ts';

/** `sha256:` and 64 lowercase hex digits. The algorithm is part of the value, so that it can change one day. */
export type PayloadHash = `sha256:${string}`;

const prefix = 'sha256:';
const form = /^sha256:[0-9a-f]{64}$/;

/**
 * The hash of a payload: SHA-256 over the UTF-8 bytes of its canonical JSON.
 *
 * @throws {SyncError} `unrepresentable`, see {@link canonicalJson}.
 */
export function payloadHash(value: unknown): PayloadHash {
  return canonicalPayloadHash(canonicalJson(value));
}

/** The hash of a payload that is already canonical text. The text is not checked: see {@link parseCanonicalJson}. */
export function canonicalPayloadHash(text: CanonicalJson): PayloadHash {
  return `${prefix}${sha256Hex(text)}`;
}

/** Whether a hash is that of a payload in canonical text. */
export function isHashOf(hash: PayloadHash, text: CanonicalJson): boolean {
  // The other way round, a longer string would be made of each digest first: this is asked of every event.
  return hash.startsWith(prefix) && hash.slice(prefix.length) === sha256Hex(text);
}

/** Whether a text has the form of a payload hash. */
export function isPayloadHash(text: string): text is PayloadHash {
  return form.test(text);
}
