import { generateKeyPairSync, sign } from 'node:crypto';
import type { HttpClient } from '@autopilot/sync-contract';

/** Lives longer than any measurement. */
const lifeSeconds = 86_400;

/** An issuer of tokens that one process trusts, with the documents that a host asks for. */
export class BenchIssuer {
  readonly url = 'https://issuer.bench';
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

  /** A token for everything that clients of streams may do. */
  token(sub: string): string {
    const iat = Math.floor(Date.now() / 1000);
    const scope = 'sync.subscribe sync.append sync.admin sync.checkpoint.write';
    const claims = { iss: this.url, sub, aud: [this.audience], iat, exp: iat + lifeSeconds, scope };
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
