import { type NostrEvent, tagValue } from '../event/event.ts';
import { eventId } from '../event/event-id.ts';
import { parseEvent } from '../event/parse-event.ts';
import type { Filter } from '../relay/relay-subscriptions.ts';

/** Why an event was not taken, in the order in which it is looked for. */
export const refusals = [
  'too-large',
  'malformed',
  'unmatched',
  'expired',
  'ahead',
  'wrong-id',
  'wrong-signature',
  'too-old',
  'duplicate',
  'full',
] as const;
export type Refusal = (typeof refusals)[number];

/** Bounds of one event. */
export interface CheckSettings {
  /** Of the frame it came in. */
  readonly maxEventBytes: number;
  /** Seconds that created_at may be ahead of this clock. */
  readonly maxAheadSeconds: number;
}

/**
 * Everything that is checked before the signature: size, schema, whether it was asked for, NIP-40 and time, id.
 *
 * @param value What the relay sent, out of JSON. @param now Seconds since the Unix epoch.
 */
export function checkEvent(
  value: unknown,
  bytes: number,
  filters: readonly Filter[],
  now: number,
  settings: CheckSettings,
): { readonly event: NostrEvent } | { readonly refusal: Refusal } {
  if (bytes > settings.maxEventBytes) return { refusal: 'too-large' };
  const parsed = parseEvent(value);
  if ('problem' in parsed) return { refusal: 'malformed' };
  const { event } = parsed;
  if (!filters.some((filter) => matches(filter, event))) return { refusal: 'unmatched' };
  const expiration = tagValue(event, 'expiration');
  // What cannot be read as a time has no time at which it would still be good.
  if (expiration !== undefined && !(Number(expiration) > now)) return { refusal: 'expired' };
  if (event.created_at > now + settings.maxAheadSeconds) return { refusal: 'ahead' };
  if (eventId(event) !== event.id) return { refusal: 'wrong-id' };
  return { event };
}

/** Whether an event is one that a filter asks for. `limit` says nothing of a single event. */
export function matches(filter: Filter, event: NostrEvent): boolean {
  const { ids, authors, kinds, since, until } = filter;
  if (ids !== undefined && !ids.includes(event.id)) return false;
  if (authors !== undefined && !authors.includes(event.pubkey)) return false;
  if (kinds !== undefined && !kinds.includes(event.kind)) return false;
  if (since !== undefined && event.created_at < since) return false;
  if (until !== undefined && event.created_at > until) return false;
  return Object.entries(filter).every(([name, values]) => {
    if (!name.startsWith('#') || !Array.isArray(values)) return true;
    return event.tags.some(([tag, value]) => tag === name.slice(1) && value !== undefined && values.includes(value));
  });
}
