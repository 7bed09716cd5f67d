import { describe, expect, test } from '@jest/globals';
import { encrypt as encryptNip04 } from 'nostr-tools/nip04';
import { type JobRequest, secretKeyCipher } from '../../src/index.ts';
import {
  feedbackTemplate,
  readAmount,
  readRequest,
  readText,
  requestTemplate,
  resultTemplate,
} from '../../src/jobs/job-tags.ts';
import { codeOf } from '../support/bridge-file.ts';
import { alice, bob, keyOf, sign } from '../support/events.ts';

const steady = { next: () => 0.5, bytes: (length: number) => new Uint8Array(length).fill(9) };
const ofAlice = secretKeyCipher(keyOf('alice'), steady);
const ofBob = secretKeyCipher(keyOf('bob'), steady);
const ofEve = secretKeyCipher(keyOf('eve'), steady);

const request: JobRequest = {
  kind: 5_050,
  provider: bob.pubkey,
  inputs: [{ data: 'hello', type: 'text', relay: '', marker: 'm' }],
  params: [['model', 'small']],
  output: 'text/plain',
  bid_msat: 5_000,
  relays: ['ws://one', 'ws://two'],
  expiration: 1_900_000_000,
  isEncrypted: false,
};

describe('events of jobs', () => {
  test.each([[false], [true]])('J4 a request is read as it was written (encrypted: %p)', (isEncrypted) => {
    const event = sign(requestTemplate({ ...request, isEncrypted }, ofAlice));
    expect(readRequest(event, bob.pubkey, ofBob)).toEqual({ ...request, isEncrypted });
    expect(JSON.stringify(event).includes('hello')).toBe(!isEncrypted);
  });

  test('J4 results and feedbacks of an encrypted request are encrypted for who asked, and carry the amount', () => {
    const event = sign(requestTemplate({ ...request, isEncrypted: true }, ofAlice));
    const amount = { amount_msat: 21_000, bolt11: 'lnbc1' };
    const result = sign(resultTemplate(event, 'the answer', amount, ofBob), bob);
    expect([result.kind, readText(result, ofAlice), readAmount(result)]).toEqual([6_050, 'the answer', amount]);
    expect(JSON.stringify(result)).not.toContain('the answer');
    expect(result.tags).toContainEqual(['e', event.id]);
    expect(result.tags).toContainEqual(['p', alice.pubkey]);
    const said = sign(feedbackTemplate(event, 'partial', 'half', {}, ofBob), bob);
    expect([readText(said, ofAlice), readAmount(said)]).toEqual(['half', {}]);
    const silent = sign(feedbackTemplate(event, 'processing', '', {}, ofBob), bob);
    expect([silent.content, readText(silent, ofAlice)]).toEqual(['', '']);
  });

  test('J4 what is not for this key, or was changed, is not read', async () => {
    const event = sign(requestTemplate({ ...request, isEncrypted: true }, ofAlice));
    const changed = `${event.content.slice(0, 60)}${event.content[60] === 'A' ? 'B' : 'A'}${event.content.slice(61)}`;
    expect(await codeOf(() => readRequest(event, bob.pubkey, ofEve))).toBe('decryption_failed');
    expect(await codeOf(() => readRequest({ ...event, content: changed }, bob.pubkey, ofBob))).toBe(
      'decryption_failed',
    );
    expect(await codeOf(() => readRequest(event, bob.pubkey, undefined))).toBe('decryption_failed');
    const nonsense = { ...event, content: ofAlice.encrypt(bob.pubkey, '{"a":1}') };
    expect(await codeOf(() => readRequest(nonsense, bob.pubkey, ofBob))).toBe('invalid_event');
    expect(await codeOf(() => ofBob.decrypt(alice.pubkey, 'x'.repeat(600_000)))).toBe('decryption_failed');
    expect(await codeOf(() => requestTemplate({ ...request, kind: 6_000 }, ofAlice))).toBe('invalid_option');
  });

  test('J4 NIP-04 is read, and never written', () => {
    const old = encryptNip04(keyOf('alice'), bob.pubkey, 'old text');
    expect(ofBob.decrypt(alice.pubkey, old)).toBe('old text');
    expect(ofAlice.encrypt(bob.pubkey, 'new text')).not.toContain('?iv=');
  });

  test.each([['-1'], ['1.5'], ['many'], [''], ['9'.repeat(20)]])('J4 an amount of "%s" is none', (amount) => {
    expect(readAmount(sign({ tags: [['amount', amount]] }))).toEqual({});
  });
});
