import { expect, test } from '@jest/globals';
import { verifyEvent } from '../../src/index.ts';
import { alice, bob, sign } from '../support/events.ts';

test('E1 an event is what its author signed, or it is not: contents, id, author and signature', () => {
  const event = sign({ content: 'hello', tags: [['t', 'x']] });
  const other = sign({ content: 'other', tags: [['t', 'x']] });
  expect(verifyEvent(event)).toBe(true);
  expect(event.pubkey).toBe(alice.pubkey);
  expect(verifyEvent({ ...event, content: 'other' })).toBe(false);
  expect(verifyEvent({ ...event, tags: [['t', 'y']] })).toBe(false);
  expect(verifyEvent({ ...event, created_at: event.created_at + 1 })).toBe(false);
  expect(verifyEvent({ ...event, id: other.id })).toBe(false);
  expect(verifyEvent({ ...other, sig: event.sig })).toBe(false);
  expect(verifyEvent({ ...event, pubkey: bob.pubkey })).toBe(false);
  expect(verifyEvent({ ...event, sig: 'f'.repeat(128) })).toBe(false);
});
