import { hash } from 'node:crypto';
import { type EventTemplate, finalizeEvent, getPublicKey } from 'nostr-tools/pure';
import { issuer } from './harness.ts';

/** Somebody with a key, who signs with a library that is not ours. */
export function nostrKey(name: string) {
  const secret = new Uint8Array(hash('sha256', name, 'buffer'));
  return {
    pubkey: getPublicKey(secret),
    /** The event as it comes out of JSON, without the mark that the library leaves on it. */
    sign: (template: EventTemplate) => JSON.parse(JSON.stringify(finalizeEvent(template, secret))),
  };
}

/** What POST /v1/nostr/challenges answers. */
export interface Asked {
  readonly challenge: string;
  readonly domain: string;
  readonly identity: string;
  readonly expires_at: number;
}

/** The event that binds a key, unsigned. `seconds` since the Unix epoch. */
export function bindingTemplate(asked: Asked, seconds: number, url = `${issuer}/v1/nostr/bindings`) {
  return {
    kind: 27_235,
    created_at: Math.floor(seconds),
    content: '',
    tags: [
      ['u', url],
      ['method', 'POST'],
      ['challenge', asked.challenge],
      ['identity', asked.identity],
      ['domain', asked.domain],
    ],
  };
}
