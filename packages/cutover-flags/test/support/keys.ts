import { exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose';
import type { PolicySigningKey } from '../../src/policy/signed-document.ts';

/** A key pair, its set as control publishes it, and the public key as PEM-like text for attacks. */
export async function makeKeys(kid = 'key-1'): Promise<{ signer: PolicySigningKey; keys: JSONWebKeySet }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
  return { signer: { kid, key: privateKey }, keys: { keys: [jwk] } };
}
