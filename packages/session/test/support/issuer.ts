import { generateKeyPairSync, sign } from 'node:crypto';
import type { HttpClient } from '@autopilot/sync-contract';

/** An issuer of ES256 tokens, with the discovery document and keys that a host asks for over `http`. */
export class TestIssuer {
  readonly url = 'https://issuer.test';
  readonly audience = 'autopilot-sync';
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  readonly http: HttpClient = async ({ url }) => {
    const jwk = { ...this.#keys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' };
    if (url === `${this.url}/keys`) return json({ keys: [jwk] });
    if (url === `${this.url}/.well-known/openid-configuration`) {
      return json({ issuer: this.url, jwks_uri: `${this.url}/keys` });
    }
    return { status: 404, headers: {}, body: '' };
  };

  token(sub: string, scope: string, audience = this.audience): string {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: this.url, sub, aud: [audience], iat, exp: iat + 600, scope };
    const signed = [{ alg: 'ES256', typ: 'JWT', kid: 'k1' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(signed), { key: this.#keys.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }
}

function json(value: unknown): { status: number; headers: Record<string, string>; body: string } {
  return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}
