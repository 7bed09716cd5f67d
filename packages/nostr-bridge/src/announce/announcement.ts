import { canonicalJson } from '@autopilot/sync-contract';
import { BridgeError } from '../errors.ts';
import type { EventTemplate } from '../event/event.ts';

/** What a provider says of itself by NIP-89: plain data. */
export interface Announcement {
  /** Tells apart what one key announces: the `d` tag, 1 to 256 characters. */
  readonly id: string;
  /** Kinds of events that it takes, at least one; for jobs 5000 to 5999. Their order says nothing. */
  readonly kinds: readonly number[];
  /** As the content of kind 0: name, about, picture and whatever else, as JSON. Without it readers look at kind 0. */
  readonly profile?: Readonly<Record<string, unknown>>;
  /** Further tags; `d` and `k` are not among them. */
  readonly tags?: readonly (readonly string[])[];
}

/** Handler information. */
export const announcementKind = 31_990;

const longestId = 256;
const mostBytes = 64 * 1024;

/** The event of an announcement. @throws {BridgeError} `invalid_option` for one that cannot be meant. */
export function announcementTemplate(announcement: Announcement): Omit<EventTemplate, 'created_at'> {
  const { id, kinds, profile, tags = [] } = announcement;
  if (typeof id !== 'string' || id.length === 0 || id.length > longestId) {
    throw refused(`needs an id of 1 to ${longestId} characters`);
  }
  if (!Array.isArray(kinds) || kinds.length === 0) throw refused('takes no kind: withdraw it instead');
  if (!kinds.every((kind) => Number.isSafeInteger(kind) && kind >= 0 && kind <= 65_535)) {
    throw refused('has a kind that is none');
  }
  const isTags = Array.isArray(tags) && tags.every((tag) => Array.isArray(tag) && tag.every(isText) && tag.length > 0);
  if (!isTags || tags.some(([name]) => name === 'd' || name === 'k')) throw refused('has tags that it cannot have');
  const sorted = [...new Set(kinds)].sort((a, b) => a - b);
  const template = {
    kind: announcementKind,
    tags: [['d', id], ...sorted.map((kind) => ['k', `${kind}`]), ...tags.map((tag) => [...tag])],
    content: contentOf(profile),
  };
  if (Buffer.byteLength(JSON.stringify(template)) > mostBytes) throw refused(`has more than ${mostBytes} bytes`);
  return template;
}

/** In canonical form: the same profile is the same event. */
function contentOf(profile: Announcement['profile']): string {
  if (profile === undefined) return '';
  if (typeof profile !== 'object' || profile === null || Array.isArray(profile)) throw refused('has no profile');
  try {
    return canonicalJson(profile);
  } catch (cause) {
    throw refused('has a profile that is no JSON', cause);
  }
}

function isText(part: unknown): boolean {
  return typeof part === 'string';
}

function refused(why: string, cause?: unknown): BridgeError {
  return new BridgeError('invalid_option', `The announcement ${why}.`, { cause });
}
