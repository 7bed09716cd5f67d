import type { JWK } from 'jose';
import { z } from 'zod';
import { CutoverError } from '../errors.ts';

/**
 * Where the app keeps one small file. `write` replaces it at once or not at all, and is durable when it resolves;
 * `read` gives null when there is none. Both reject when the file cannot be used.
 */
export interface PolicyFiles {
  read(): Promise<Uint8Array | null>;
  write(bytes: Uint8Array): Promise<void>;
}

/** A signed document and the public key that proved it, so that it can be proved again without control. */
export interface CachedDocument {
  readonly jws: string;
  readonly key: JWK;
}

/** What the file holds. */
export interface CacheContent {
  readonly v: 1;
  readonly policy: CachedDocument;
  readonly admission: CachedDocument | null;
}

const document = z.strictObject({
  jws: z.string(),
  key: z.strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    kid: z.string(),
  }),
});
const content: z.ZodType<CacheContent> = z.strictObject({
  v: z.literal(1),
  policy: document,
  admission: document.nullable(),
});

/** The bytes of the file. */
export function encodeCache(value: CacheContent): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value)}\n`);
}

/** @throws {CutoverError} `cache_corrupt` when the bytes are no cache file. */
export function decodeCache(bytes: Uint8Array): CacheContent {
  try {
    return content.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    throw new CutoverError('cache_corrupt', 'The cached policy cannot be read.', { cause });
  }
}
