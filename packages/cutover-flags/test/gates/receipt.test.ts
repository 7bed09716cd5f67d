import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { preAuthEncoding, signEnvelope } from '../../src/gates/dsse.ts';
import {
  CutoverError,
  createReceipt,
  type DsseEnvelope,
  type GateObservation,
  gateIds,
  gatePredicateType,
  parseObservation,
  receiptPayloadType,
  type TrustedKey,
  verifyReceipt,
} from '../../src/index.ts';
import { ciKey, keyPair, observation, start, trustedKeys } from '../support/cutover.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const seen = observation('parity', start);

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CutoverError) return error.code;
    throw error;
  }
  return 'none';
}

const payloadOf = (envelope: DsseEnvelope) => JSON.parse(Buffer.from(envelope.payload, 'base64').toString());

describe('the envelope', () => {
  test('G1 the pre-authentication encoding is that of the DSSE specification', () => {
    // The example of https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
    const encoded = preAuthEncoding('http://example.com/HelloWorld', bytes('hello world'));
    expect(new TextDecoder().decode(encoded)).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    // Lengths are of bytes, not of characters.
    expect(new TextDecoder().decode(preAuthEncoding('ü', bytes('ü')))).toBe('DSSEv1 2 ü 2 ü');
  });

  test('G1 a known Ed25519 key gives the known signature (RFC 8032 key of test 1)', () => {
    const jwk = {
      kty: 'OKP',
      crv: 'Ed25519',
      d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
    };
    const envelope = signEnvelope(receiptPayloadType, bytes('{}'), [{ keyid: 'rfc8032', jwk }]);
    expect(envelope).toEqual({
      payloadType: 'application/vnd.in-toto+json',
      payload: 'e30=',
      signatures: [{ keyid: 'rfc8032', sig: envelope.signatures[0]?.sig }],
    });
    expect(envelope.signatures[0]?.sig).toBe(
      // Computed by OpenSSL from the same key and text.
      'vW8iDoS+pQIrO8G9pV+VHVGcvY/XcGMh2vfWpJJwwrH/m4CRZswsl9wIASL/n2XN7RSNIqdiogwYkqskDFZiAQ==',
    );
  });

  test('G1 the statement is in-toto v1 about the packages that ran', () => {
    const statement = payloadOf(createReceipt(seen, ciKey));
    expect(statement).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [
        {
          name: '@autopilot/control@0.1.0',
          digest: { sha256: createHash('sha256').update('@autopilot/control@0.1.0').digest('hex') },
        },
      ],
      predicateType: gatePredicateType,
      predicate: seen,
    });
  });
});

describe('verifying', () => {
  test.each(['ed25519', 'es256'] as const)('G1 what %s signed is believed, and gives the observation', (kind) => {
    const { signing, jwk } = keyPair('k', kind);
    const receipt = verifyReceipt(createReceipt(seen, signing), [{ keyid: 'k', jwk, gates: ['parity'] }]);
    expect(receipt.observation).toEqual(seen);
    expect(receipt.signed_by).toEqual(['k']);
  });

  test('G1 of two signatures one of a trusted key is enough, and only trusted ones are named', () => {
    const other = keyPair('other', 'es256');
    const envelope = createReceipt(seen, other.signing, ciKey);
    expect(envelope.signatures).toHaveLength(2);
    expect(verifyReceipt(envelope, trustedKeys).signed_by).toEqual(['ci']);
    const both: readonly TrustedKey[] = [...trustedKeys, { keyid: 'other', jwk: other.jwk, gates: gateIds }];
    expect(verifyReceipt(envelope, both).signed_by).toEqual(['other', 'ci']);
    // One of them may speak for another gate only.
    const narrow: readonly TrustedKey[] = [...trustedKeys, { keyid: 'other', jwk: other.jwk, gates: ['removal'] }];
    expect(verifyReceipt(envelope, narrow).signed_by).toEqual(['ci']);
  });

  test('G1 the digest names what was seen, whoever signed it', () => {
    const other = keyPair('other');
    const keys = [...trustedKeys, { keyid: 'other', jwk: other.jwk, gates: gateIds }];
    const one = verifyReceipt(createReceipt(seen, ciKey), keys).digest;
    expect(verifyReceipt(createReceipt(seen, other.signing), keys).digest).toBe(one);
    expect(verifyReceipt(createReceipt({ ...seen, reason: 'other' }, ciKey), keys).digest).not.toBe(one);
  });

  const good = createReceipt(seen, ciKey);
  const repack = (statement: unknown) =>
    signEnvelope(receiptPayloadType, bytes(typeof statement === 'string' ? statement : JSON.stringify(statement)), [
      ciKey,
    ]);
  const statement = payloadOf(good);

  test.each<[string, unknown, string]>([
    [
      'a tampered payload',
      { ...good, payload: createReceipt({ ...seen, reason: 'better' }, ciKey).payload },
      'receipt_bad_signature',
    ],
    ['a signature of something else', { ...good, signatures: [{ keyid: 'ci', sig: 'AAAA' }] }, 'receipt_bad_signature'],
    ['another payload type', { ...good, payloadType: 'application/json' }, 'receipt_payload_type'],
    ['another payload type, signed so', signEnvelope('application/json', bytes('{}'), [ciKey]), 'receipt_payload_type'],
    ['an unknown key', createReceipt(seen, keyPair('who').signing), 'receipt_untrusted_key'],
    ['the name of a trusted key on another', createReceipt(seen, keyPair('ci').signing), 'receipt_bad_signature'],
    ['no signature', { ...good, signatures: [] }, 'receipt_malformed'],
    ['too many signatures', { ...good, signatures: Array(17).fill(good.signatures[0]) }, 'receipt_malformed'],
    ['no base64', { ...good, payload: '%%%%' }, 'receipt_malformed'],
    ['a signature that is no base64', { ...good, signatures: [{ keyid: 'ci', sig: '-_-_' }] }, 'receipt_malformed'],
    ['a signature without a key id', { ...good, signatures: [{ sig: 'AAAA' }] }, 'receipt_malformed'],
    ['a huge payload', { ...good, payload: 'A'.repeat(1_048_580) }, 'receipt_malformed'],
    ['null', null, 'receipt_malformed'],
    ['a text', 'receipt', 'receipt_malformed'],
    ['no JSON', repack('{'), 'receipt_statement'],
    ['another statement', repack({ ...statement, _type: 'https://in-toto.io/Statement/v0.1' }), 'receipt_statement'],
    [
      'another predicate',
      repack({ ...statement, predicateType: 'https://slsa.dev/provenance/v1' }),
      'receipt_statement',
    ],
    ['no subject', repack({ ...statement, subject: undefined }), 'receipt_statement'],
    ['another subject', repack({ ...statement, subject: [] }), 'receipt_statement'],
    ['no observation', repack({ ...statement, predicate: {} }), 'invalid_observation'],
    [
      'an observation with more in it',
      repack({ ...statement, predicate: { ...seen, extra: 1 } }),
      'invalid_observation',
    ],
  ])('G2 refused: %s', (_name, envelope, code) => {
    expect(codeOf(() => verifyReceipt(envelope, trustedKeys))).toBe(code);
  });

  test('G2 a key speaks only for the gates it is trusted for', () => {
    const keys = trustedKeys.map((key) => ({ ...key, gates: gateIds.filter((gate) => gate !== 'parity') }));
    expect(codeOf(() => verifyReceipt(good, keys))).toBe('receipt_gate_not_allowed');
  });

  test('G2 every bit of the payload and of the signature counts', () => {
    const flip = (text: string, at: number) => {
      const copy = Buffer.from(text, 'base64');
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy.toString('base64');
    };
    const payload = Buffer.from(good.payload, 'base64').length;
    for (let at = 0; at < payload; at += 41) {
      expect(codeOf(() => verifyReceipt({ ...good, payload: flip(good.payload, at) }, trustedKeys))).toBe(
        'receipt_bad_signature',
      );
    }
    const [signature] = good.signatures;
    for (let at = 0; at < 64; at += 7) {
      const signatures = [{ keyid: 'ci', sig: flip(signature?.sig ?? '', at) }];
      expect(codeOf(() => verifyReceipt({ ...good, signatures }, trustedKeys))).toBe('receipt_bad_signature');
    }
  });

  test('G2 keys of other kinds are refused by name, for signing and for verifying', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    expect(codeOf(() => verifyReceipt(good, [{ keyid: 'ci', jwk: rsa, gates: gateIds }]))).toBe('invalid_key');
    expect(
      codeOf(() => verifyReceipt(good, [{ keyid: 'ci', jwk: { kty: 'OKP', crv: 'Ed25519' }, gates: gateIds }])),
    ).toBe('invalid_key');
    expect(codeOf(() => createReceipt(seen, { keyid: 'k', jwk: trustedKeys[0]?.jwk ?? {} }))).toBe('invalid_key');
    expect(codeOf(() => createReceipt(seen))).toBe('invalid_key');
  });
});

describe('observations', () => {
  test.each<[string, object]>([
    ['NaN', { measures: { match_ratio: Number.NaN } }],
    ['infinity', { measures: { match_ratio: Number.POSITIVE_INFINITY } }],
    ['a count that is negative', { counts: { cases: -1, failed: 0, skipped: 0, events: 0 } }],
    ['an unknown gate', { gate: 'luck' }],
    ['an unknown verdict', { verdict: 'skipped' }],
    ['no package', { environment: { packages: {}, commit: null, module_schema: null, protocols: [] } }],
  ])('G3 no receipt carries %s', (_name, patch) => {
    const wrong = { ...seen, ...patch } as GateObservation;
    expect(codeOf(() => parseObservation(wrong))).toBe('invalid_observation');
    expect(codeOf(() => createReceipt(wrong, ciKey))).toBe('invalid_observation');
  });
});
