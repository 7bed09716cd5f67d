import type { NostrEvent } from './event.ts';

/** The event, or the member that is not as NIP-01 has it. */
export type ParsedEvent = { readonly event: NostrEvent } | { readonly problem: string };

const hex64 = /^[0-9a-f]{64}$/;
const hex128 = /^[0-9a-f]{128}$/;
const largestKind = 65_535;
/** Of every event: more is nothing that a bridge has use for. */
const mostTags = 2_000;

/**
 * Reads an event out of a parsed JSON value. The result is a new object with the seven members and nothing else, so
 * neither a hidden mark of another library nor an unknown member comes along. Id and signature are not checked here.
 */
export function parseEvent(value: unknown): ParsedEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { problem: 'event' };
  const { id, pubkey, created_at, kind, tags, content, sig } = value as Record<string, unknown>;
  if (typeof id !== 'string' || !hex64.test(id)) return { problem: 'id' };
  if (typeof pubkey !== 'string' || !hex64.test(pubkey)) return { problem: 'pubkey' };
  if (typeof sig !== 'string' || !hex128.test(sig)) return { problem: 'sig' };
  if (!isWhole(created_at, Number.MAX_SAFE_INTEGER)) return { problem: 'created_at' };
  if (!isWhole(kind, largestKind)) return { problem: 'kind' };
  if (typeof content !== 'string') return { problem: 'content' };
  if (!Array.isArray(tags) || tags.length > mostTags) return { problem: 'tags' };
  const copies: string[][] = [];
  for (const tag of tags) {
    if (!Array.isArray(tag) || tag.some((part) => typeof part !== 'string')) return { problem: 'tags' };
    copies.push([...(tag as string[])]);
  }
  return { event: { id, pubkey, created_at, kind, tags: copies, content, sig } };
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;
}
