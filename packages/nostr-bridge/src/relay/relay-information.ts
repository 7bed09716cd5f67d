import type { HttpClient, Scheduler } from '@autopilot/sync-contract';
import { within } from '../deadline.ts';
import type { EventTemplate } from '../event/event.ts';
import { reject, type Verdict } from './verdict.ts';

/** What is used of a NIP-11 document: every limit undefined where the relay says nothing that can be used. */
export interface RelayInformation {
  readonly maxMessageBytes: number | undefined;
  readonly minPowDifficulty: number | undefined;
  /** Seconds that an event's created_at may lie behind and ahead. */
  readonly createdAtBehind: number | undefined;
  readonly createdAtAhead: number | undefined;
}

/** Of a relay that says nothing. */
export const noInformation: RelayInformation = {
  maxMessageBytes: undefined,
  minPowDifficulty: undefined,
  createdAtBehind: undefined,
  createdAtAhead: undefined,
};

const largestDocument = 256 * 1024;

/** Asks a relay what it is, at most so many milliseconds. A document that cannot be had or read says nothing. */
export async function askInformation(
  http: HttpClient,
  scheduler: Scheduler,
  url: string,
  deadlineMs: number,
): Promise<RelayInformation> {
  const abort = new AbortController();
  const headers = { accept: 'application/nostr+json' };
  const asked = await within(scheduler, deadlineMs, () =>
    http({ method: 'GET', url: url.replace(/^ws/, 'http'), headers, signal: abort.signal }),
  );
  if (asked.outcome === 'late') abort.abort();
  if (asked.outcome !== 'done' || asked.value.status !== 200) return noInformation;
  return readInformation(asked.value.body);
}

/** Reads a NIP-11 document. */
export function readInformation(body: string): RelayInformation {
  if (body.length > largestDocument) return noInformation;
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    return noInformation;
  }
  const limits = memberOf(document, 'limitation');
  return {
    maxMessageBytes: atLeast(1, memberOf(limits, 'max_message_length')),
    minPowDifficulty: atLeast(1, memberOf(limits, 'min_pow_difficulty')),
    createdAtBehind: atLeast(0, memberOf(limits, 'created_at_lower_limit')),
    createdAtAhead: atLeast(0, memberOf(limits, 'created_at_upper_limit')),
  };
}

/**
 * The verdict that a relay has announced for an event before it was sent; undefined when there is none.
 *
 * @param bytes Length of the whole frame. @param now Seconds since the Unix epoch.
 */
export function foretold(
  information: RelayInformation,
  event: EventTemplate & { readonly id: string },
  bytes: number,
  now: number,
): Verdict | undefined {
  const { maxMessageBytes, minPowDifficulty, createdAtBehind, createdAtAhead } = information;
  if (maxMessageBytes !== undefined && bytes > maxMessageBytes) {
    return reject('too-large', `The relay takes ${maxMessageBytes} bytes; the event has ${bytes}.`);
  }
  if (minPowDifficulty !== undefined && leadingZeroBits(event.id) < minPowDifficulty) {
    return reject('pow', `The relay wants a proof of work of ${minPowDifficulty} bits.`);
  }
  if (createdAtBehind !== undefined && event.created_at < now - createdAtBehind) {
    return reject('created-at', `The relay takes events of the last ${createdAtBehind} seconds.`);
  }
  if (createdAtAhead !== undefined && event.created_at > now + createdAtAhead) {
    return reject('created-at', `The relay takes events at most ${createdAtAhead} seconds ahead.`);
  }
  return undefined;
}

/** NIP-13: the zero bits that an id begins with. */
export function leadingZeroBits(id: string): number {
  let bits = 0;
  for (const digit of id) {
    const value = Number.parseInt(digit, 16);
    bits += Math.clz32(value) - 28;
    if (value !== 0) break;
  }
  return bits;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function atLeast(least: number, value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= least ? value : undefined;
}
