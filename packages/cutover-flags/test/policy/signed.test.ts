import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { CompactSign, decodeProtectedHeader, generateKeyPair, type JSONWebKeySet } from 'jose';
import { admissionType, signAdmission, verifyAdmission } from '../../src/policy/admission.ts';
import type { PolicySigningKey } from '../../src/policy/signed-document.ts';
import { policyType, signPolicy, verifyPolicy } from '../../src/policy/signed-policy.ts';
import { makeKeys } from '../support/keys.ts';
import { now, policy } from '../support/policies.ts';

const expected = { deployment: 'test', minRevision: 0 };
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const code = (name: string) => expect.objectContaining({ code: name });
let signer: PolicySigningKey;
let keys: JSONWebKeySet;
let jws: string;

beforeAll(async () => {
  ({ signer, keys } = await makeKeys());
  jws = await signPolicy(policy({ revision: 7 }), signer);
});

/** Signs whatever is asked with the true key. */
async function sign(value: unknown, header: Record<string, unknown> = {}): Promise<string> {
  const bytes = typeof value === 'string' ? value : JSON.stringify(value);
  return await new CompactSign(Buffer.from(bytes))
    .setProtectedHeader({ alg: 'ES256', typ: policyType, kid: 'key-1', ...header })
    .sign(signer.key, { crit: { exp: true } });
}

describe('signed policy', () => {
  test('R17 what was signed is verified, and the header names algorithm, type and key', async () => {
    expect(await verifyPolicy(jws, keys, expected)).toEqual(policy({ revision: 7 }));
    expect(decodeProtectedHeader(jws)).toEqual({ alg: 'ES256', typ: policyType, kid: 'key-1' });
  });

  test('R17 every changed character of payload or signature is refused', async () => {
    const [, payload = ''] = jws.split('.');
    const start = jws.indexOf(payload);
    for (let at = start; at < jws.length - 2; at += 7) {
      if (jws[at] === '.') continue;
      const bad = `${jws.slice(0, at)}${jws[at] === 'A' ? 'B' : 'A'}${jws.slice(at + 1)}`;
      await expect(verifyPolicy(bad, keys, expected)).rejects.toEqual(code('bad_signature'));
    }
  });

  test('R17 alg none is refused', async () => {
    const header = encode({ alg: 'none', typ: policyType, kid: 'key-1' });
    for (const signature of ['', jws.split('.')[2]]) {
      const bad = `${header}.${jws.split('.')[1]}.${signature}`;
      await expect(verifyPolicy(bad, keys, expected)).rejects.toEqual(code('bad_signature'));
    }
  });

  test('R17 HS256 with the public key as secret is refused', async () => {
    const jwk = keys.keys[0] as JsonWebKey;
    const pem = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    const der = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
    for (const secret of [Buffer.from(pem), der, Buffer.from(JSON.stringify(jwk))]) {
      const bad = await new CompactSign(Buffer.from(JSON.stringify(policy({ revision: 9 }))))
        .setProtectedHeader({ alg: 'HS256', typ: policyType, kid: 'key-1' })
        .sign(secret);
      await expect(verifyPolicy(bad, keys, expected)).rejects.toEqual(code('bad_signature'));
      const symmetric = { keys: [{ kty: 'oct', kid: 'key-1', alg: 'HS256', k: secret.toString('base64url') }] };
      await expect(verifyPolicy(bad, symmetric, expected)).rejects.toEqual(code('bad_signature'));
    }
  });

  test('R17 another elliptic curve, another key and another type are refused', async () => {
    const { privateKey } = await generateKeyPair('ES384');
    const es384 = await new CompactSign(Buffer.from('{}'))
      .setProtectedHeader({ alg: 'ES384', typ: policyType, kid: 'key-1' })
      .sign(privateKey);
    await expect(verifyPolicy(es384, keys, expected)).rejects.toEqual(code('bad_signature'));
    const stranger = await makeKeys('key-1');
    await expect(verifyPolicy(jws, stranger.keys, expected)).rejects.toEqual(code('bad_signature'));
    for (const typ of [admissionType, 'JWT', undefined]) {
      await expect(verifyPolicy(await sign(policy(), { typ }), keys, expected)).rejects.toEqual(code('bad_signature'));
    }
  });

  test('R17 a key that is not known, or not named, is told apart', async () => {
    await expect(verifyPolicy(jws, { keys: [] }, expected)).rejects.toEqual(code('unknown_key'));
    for (const kid of ['key-2', undefined]) {
      await expect(verifyPolicy(await sign(policy(), { kid }), keys, expected)).rejects.toEqual(code('unknown_key'));
    }
  });

  test('R17 a critical header that is not known and a payload that is no JSON are refused', async () => {
    const critical = await sign(policy(), { crit: ['exp'], exp: 1 });
    await expect(verifyPolicy(critical, keys, expected)).rejects.toEqual(code('bad_signature'));
    await expect(verifyPolicy(await sign('{"schema"'), keys, expected)).rejects.toEqual(code('bad_signature'));
  });

  test.each([[''], ['a.b'], ['a.b.c'], ['....'], [null as never], [{} as never], ['x'.repeat(17 * 1024 * 1024)]])(
    'R17 what is no compact JWS is refused',
    async (bad) => {
      await expect(verifyPolicy(bad, keys, expected)).rejects.toEqual(code('bad_signature'));
    },
  );

  test('R17 deployment and revision are checked after the signature', async () => {
    await expect(verifyPolicy(jws, keys, { ...expected, deployment: 'other' })).rejects.toEqual(
      code('wrong_deployment'),
    );
    expect((await verifyPolicy(jws, keys, { ...expected, minRevision: 7 })).revision).toBe(7);
    for (const minRevision of [8, Number.NaN]) {
      await expect(verifyPolicy(jws, keys, { ...expected, minRevision })).rejects.toEqual(code('stale_revision'));
    }
  });

  test('R16 a policy that would be refused is not signed, and one signed by others is refused', async () => {
    const future = { ...policy(), future_field: 1 };
    await expect(signPolicy(future, signer)).rejects.toEqual(code('invalid_policy'));
    await expect(verifyPolicy(await sign(future), keys, expected)).rejects.toEqual(code('invalid_policy'));
    const next = { ...policy(), schema: 'autopilot.cutover-policy.v2' };
    await expect(verifyPolicy(await sign(next), keys, expected)).rejects.toEqual(code('unknown_schema'));
  });
});

describe('signed admission', () => {
  const admission = { deployment: 'test', unit: 'desktop-1', salt: 'rollout-1', admitted: true, issued_at: now };

  test('R17 an admission holds for its deployment, unit and rollout only', async () => {
    const signed = await signAdmission(admission, signer);
    expect(await verifyAdmission(signed, keys, admission)).toEqual(admission);
    for (const [field, name] of [
      ['deployment', 'wrong_deployment'],
      ['unit', 'wrong_unit'],
      ['salt', 'wrong_rollout'],
    ] as const) {
      await expect(verifyAdmission(signed, keys, { ...admission, [field]: 'other' })).rejects.toEqual(code(name));
    }
    await expect(verifyPolicy(signed, keys, expected)).rejects.toEqual(code('bad_signature'));
    await expect(verifyAdmission(jws, keys, admission)).rejects.toEqual(code('bad_signature'));
  });

  test.each([{ future_field: 1 }, { admitted: 'yes' }, { issued_at: 0.5 }, { unit: '' }])(
    'R16 an admission with %j is neither signed nor taken',
    async (change) => {
      const bad = { ...admission, ...change } as never;
      await expect(signAdmission(bad, signer)).rejects.toEqual(code('invalid_policy'));
      const signed = await sign(bad, { typ: admissionType });
      await expect(verifyAdmission(signed, keys, admission)).rejects.toEqual(code('invalid_policy'));
    },
  );
});
