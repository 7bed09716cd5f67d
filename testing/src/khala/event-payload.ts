import { createHash } from 'node:crypto';
import { canonicalJson, SyncError } from '@autopilot/sync-contract';
import { KhalaError } from './errors.ts';

/** A payload as it is pushed: its JSON text, and base64 of the SHA-256 over its canonical JSON. */
interface EncodedPayload {
  readonly text: string;
  readonly hash: string;
}

/** @throws {KhalaError} `invalid_event` for what JSON cannot carry. */
export function encodePayload(payload: unknown): EncodedPayload {
  try {
    return { text: JSON.stringify(payload), hash: base64Sha256(canonicalJson(payload)) };
  } catch (cause) {
    if (!(cause instanceof SyncError)) throw cause;
    throw new KhalaError('invalid_event', `The payload cannot be stored: ${cause.message}`, { cause });
  }
}

/** A payload that differs where a comparison of the mirrored body looks, or anywhere when there is none. */
export function changedPayload(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return { changed: true };
  return 'body' in payload ? { ...payload, body: { changed: true } } : { ...payload, changed: true };
}

export function base64Sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
