import { createHash } from 'node:crypto';
import { type EventTemplate, loadSigner, type NostrEvent } from '../../src/index.ts';

/** The same bytes every time: signatures in tests repeat themselves. */
const steady = { next: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(7) };

/** A key of a name. */
export const keyOf = (name: string): Uint8Array => createHash('sha256').update(name).digest();

export const alice = await loadSigner(keyOf('alice'), steady);

export const bob = await loadSigner(keyOf('bob'), steady);

/** Seconds at which tests take place. */
export const second = 1_800_000_000;

/** A signed event of Alice. */
export function sign(changes: Partial<EventTemplate> = {}, signer = alice): NostrEvent {
  return signer.sign({ kind: 1, created_at: second, tags: [], content: 'hello', ...changes }) as NostrEvent;
}
