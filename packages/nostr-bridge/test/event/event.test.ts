import { propertyRuns } from '@autopilot/testing/property-runs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { getEventHash, verifyEvent } from 'nostr-tools/pure';
import { eventId, loadSigner, parseEvent, secretKeySigner } from '../../src/index.ts';
import { alice, keyOf, sign } from '../support/events.ts';

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value));
const mutable = (event: ReturnType<typeof sign>) => ({ ...event, tags: event.tags.map((tag) => [...tag]) });

describe('events', () => {
  test('E1 the id is that of the other library, for any text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.array(fc.array(fc.string())),
        fc.nat(65_535),
        (content, tags, kind) => {
          const unsigned = { pubkey: alice.pubkey, created_at: 1, kind, tags, content };
          expect(eventId(unsigned)).toBe(getEventHash(unsigned));
        },
      ),
      propertyRuns(200),
    );
  }, 30_000);

  test('E2 the same template, key and bytes give the same event, which others verify', () => {
    const event = sign({ content: 'né\n"\\', tags: [['p', alice.pubkey]] });
    expect(sign({ content: 'né\n"\\', tags: [['p', alice.pubkey]] })).toEqual(event);
    expect(verifyEvent(copy(mutable(event)))).toBe(true);
    expect(verifyEvent(copy(mutable({ ...event, content: 'other' })))).toBe(false);
    const other = secretKeySigner(keyOf('alice'), { next: () => 0, bytes: (length) => new Uint8Array(length).fill(8) });
    expect(other.sign({ ...event })).toMatchObject({ id: event.id, pubkey: event.pubkey });
    expect(other.sign({ ...event })).not.toEqual(event);
  });

  test('E2 a vector of BIP-340: key 3, no auxiliary bytes', () => {
    const key = new Uint8Array(32);
    key[31] = 3;
    const { pubkey } = secretKeySigner(key, { next: () => 0, bytes: (length) => new Uint8Array(length) });
    expect(pubkey).toBe('f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9');
    expect(() =>
      secretKeySigner(new Uint8Array(32), { next: () => 0, bytes: (length) => new Uint8Array(length) }),
    ).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });

  test('E2 both signers give the same signature', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.string(), async (bytes, content) => {
        const steady = { next: () => 0, bytes: () => bytes };
        const [slow, fast] = [secretKeySigner(keyOf(content), steady), await loadSigner(keyOf(content), steady)];
        const template = { kind: 1, created_at: 1, tags: [], content };
        expect(await fast.sign(template)).toEqual(await slow.sign(template));
      }),
      propertyRuns(20),
    );
    await expect(loadSigner(new Uint8Array(32), { next: () => 0, bytes: () => new Uint8Array(32) })).rejects.toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test('E3 only the seven members come through, and no hidden mark', () => {
    const event = sign({ tags: [['t', 'x'], []] });
    const marked = { ...event, extra: 1, [Symbol('verified')]: true };
    const parsed = parseEvent(marked);
    expect(parsed).toEqual({ event });
    expect(Reflect.ownKeys('event' in parsed ? parsed.event : {}).sort()).toEqual(Object.keys(event).sort());
  });

  test.each<[string, object]>([
    ['id', { id: 'A'.repeat(64) }],
    ['id', { id: 'a'.repeat(63) }],
    ['pubkey', { pubkey: 5 }],
    ['sig', { sig: `${'a'.repeat(130)}` }],
    ['created_at', { created_at: 1.5 }],
    ['created_at', { created_at: -1 }],
    ['created_at', { created_at: 2 ** 53 }],
    ['created_at', { created_at: '1' }],
    ['kind', { kind: 65_536 }],
    ['content', { content: null }],
    ['tags', { tags: 'none' }],
    ['tags', { tags: ['t'] }],
    ['tags', { tags: [['t', 1]] }],
    ['tags', { tags: Array(2_001).fill([]) }],
  ])('E3 names the member that is wrong: %s', (problem, changes) => {
    expect(parseEvent({ ...sign(), ...changes })).toEqual({ problem });
  });

  test.each([[null], [undefined], ['text'], [[]], [5]])('E3 %p is no event', (value) => {
    expect(parseEvent(value)).toEqual({ problem: 'event' });
  });
});
