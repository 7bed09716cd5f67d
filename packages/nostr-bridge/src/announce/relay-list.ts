import type { EventTemplate } from '../event/event.ts';
import { parseRelayUrl } from '../relay/relay-options.ts';

/** Where somebody looks for what is sent to them, and where they write: a list of NIP-65. Addresses as `relayUrl` has them. */
export interface RelayList {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** Relay list metadata. */
export const relayListKind = 10_002;

/** Relays that are read of a list: more than anybody is told to have. */
const mostRelays = 20;

/** The event of a list. A relay of both sides has no marker. */
export function relayListTemplate({ read, write }: RelayList): Omit<EventTemplate, 'created_at'> {
  const tags = [...new Set([...read, ...write])].map((url) => {
    if (!write.includes(url)) return ['r', url, 'read'];
    return read.includes(url) ? ['r', url] : ['r', url, 'write'];
  });
  return { kind: relayListKind, tags, content: '' };
}

/** Reads a list. What is no address of a relay, or has a marker that is unknown, is left out. */
export function readRelayList(event: Pick<EventTemplate, 'tags'>): RelayList {
  const read = new Set<string>();
  const write = new Set<string>();
  for (const [name, text = '', marker = ''] of event.tags) {
    const url = name === 'r' ? parseRelayUrl(text) : undefined;
    if (url === undefined) continue;
    if (marker === '' || marker === 'read') read.add(url);
    if (marker === '' || marker === 'write') write.add(url);
  }
  return { read: [...read].slice(0, mostRelays), write: [...write].slice(0, mostRelays) };
}
