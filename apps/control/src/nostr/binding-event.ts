import { type NostrEvent, parseEvent, verifyEvent } from '@autopilot/nostr-bridge';
import { ControlError, type ControlErrorCode } from '../errors.ts';

/** NIP-98: an event that speaks for one HTTP request. */
const bindingKind = 27_235;

/** What the event says it is for, so that none that was signed for something else can be used. */
export const bindingDomain = 'openagents:nostr-presence-bind:v1';

/** Where the event is posted to. */
export const bindingPath = '/v1/nostr/bindings';

/** How far created_at may be from this clock, seconds. */
const clockTolerance = 60;

/** What an event has to say to be taken. */
export interface BindingTerms {
  /** Where it is posted to, as the outside knows it. */
  readonly url: string;
  /** Of whoever posts it. */
  readonly identity: string;
  /** Seconds since the Unix epoch. */
  readonly now: number;
}

/** A key has agreed to belong to an identity, if the challenge is one of its. */
export interface BindingProof {
  readonly pubkey: string;
  readonly event_id: string;
  /** 64 lowercase hexadecimal digits. */
  readonly challenge: string;
}

const hex64 = /^[0-9a-f]{64}$/;

/**
 * Reads an event by which a key agrees to belong to an identity. The challenge is looked up by others.
 *
 * @throws {ControlError} in this order: `invalid_request`, `event_forged`, `event_unfit`, `event_out_of_time`, the last two
 * with the member in `details`.
 */
export function readBindingProof(value: unknown, terms: BindingTerms): BindingProof {
  const event = readEvent(value);
  if (!verifyEvent(event)) {
    throw new ControlError('event_forged', 'The event is not what its pubkey has signed: id or signature is wrong.');
  }
  if (event.kind !== bindingKind) throw unfit('kind', `its kind is ${event.kind}, not ${bindingKind}`);
  const challenge = onlyTag(event, 'challenge');
  if (!hex64.test(challenge)) throw unfit('challenge', 'its challenge is not made of 64 lowercase hex digits');
  const wanted = { u: terms.url, method: 'POST', identity: terms.identity, domain: bindingDomain };
  for (const [name, expected] of Object.entries(wanted)) {
    if (onlyTag(event, name) !== expected) throw unfit(name, `its tag ${name} is not "${expected}"`);
  }
  if (Math.abs(event.created_at - terms.now) > clockTolerance) {
    const message = `created_at is ${event.created_at}, and here it is ${Math.floor(terms.now)}.`;
    throw new ControlError('event_out_of_time', message, { details: { now: Math.floor(terms.now) } });
  }
  return { pubkey: event.pubkey, event_id: event.id, challenge };
}

/** The key as it stands in a request. @throws {ControlError} `invalid_request` for a text of another form. */
export function readPubkey(text: string): string {
  if (hex64.test(text)) return text;
  throw malformed('pubkey', text);
}

function readEvent(value: unknown): NostrEvent {
  const parsed = parseEvent(value);
  if ('event' in parsed) return parsed.event;
  throw malformed(parsed.problem, (value as Readonly<Record<string, unknown>> | null)?.[parsed.problem]);
}

function malformed(member: string, value: unknown): ControlError {
  const isNpub = typeof value === 'string' && value.startsWith('npub1');
  const message = isNpub
    ? `${member} is an npub: give the 64 lowercase hex digits that it stands for.`
    : `${member} is not as NIP-01 has it${member === 'pubkey' ? ': 64 lowercase hex digits' : ''}.`;
  return new ControlError('invalid_request', message, { details: { member } });
}

/** The value of a tag that is there once, with one value. */
function onlyTag(event: NostrEvent, name: string): string {
  const [tag, ...others] = event.tags.filter(([first]) => first === name);
  const [, value, ...more] = tag ?? [];
  if (value === undefined) throw unfit(name, `it has no tag ${name}`);
  if (others.length > 0 || more.length > 0) throw unfit(name, `it has more than one ${name}`);
  return value;
}

function unfit(member: string, why: string): ControlError {
  const code: ControlErrorCode = 'event_unfit';
  return new ControlError(code, `The event does not bind a key here: ${why}.`, { details: { member } });
}
