import { generateKeyPairSync, sign } from 'node:crypto';
import type { HttpClient } from '@autopilot/sync-contract';

/** An issuer of tokens with its discovery document and keys, reachable through {@link TestIssuer.http}. */
export class TestIssuer {
  readonly issuer = 'https://control.test';
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  readonly http: HttpClient = async ({ url }) => {
    const documents: Record<string, unknown> = {
      [`${this.issuer}/.well-known/openid-configuration`]: { issuer: this.issuer, jwks_uri: `${this.issuer}/keys` },
      [`${this.issuer}/keys`]: {
        keys: [{ ...this.#keys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }],
      },
    };
    const document = documents[url];
    return document === undefined
      ? { status: 404, headers: {}, body: '' }
      : { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(document) };
  };

  token(sub: string, scope: string, claims: Record<string, unknown> = {}): string {
    const iat = Math.floor(Date.now() / 1000);
    const payload = { iss: this.issuer, sub, aud: ['autopilot-sync'], iat, exp: iat + 600, scope, ...claims };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'ES256', typ: 'JWT', kid: 'k1' })}.${part(payload)}`;
    const signature = sign('sha256', Buffer.from(text), { key: this.#keys.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${text}.${signature.toString('base64url')}`;
  }
}
