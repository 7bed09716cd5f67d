import { generateKeyPairSync } from 'node:crypto';
import type { HttpClient, HttpRequest } from '@autopilot/sync-contract';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** A third-party issuer that answers discovery and keys through an HttpClient. */
export interface TestIssuer {
  readonly http: HttpClient;
  readonly requests: HttpRequest[];
  /** While true, nothing answers. */
  isDown: boolean;
  /** Publishes one more key, which signs nothing. */
  publishAnother(kid: string): Promise<void>;
  /** Replaces the keys by one under another id. */
  rotate(kid: string): Promise<void>;
  sign(
    claims?: Readonly<Record<string, unknown>>,
    header?: { kid?: string | undefined; alg?: string },
  ): Promise<string>;
}

export const issuerUrl = 'https://issuer.test/path/';

let rsa: ReturnType<typeof generateKeyPairSync> | undefined;

/** RSA keys take long to make, so there is one pair for all algorithms that use them. */
async function newKeys(algorithm: string) {
  if (!/^[RP]S/.test(algorithm)) return generateKeyPair(algorithm, { extractable: true });
  rsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return rsa;
}

export async function testIssuer(now: () => number, algorithm = 'ES256'): Promise<TestIssuer> {
  let kid = 'k1';
  let pair = await newKeys(algorithm);
  let published = [{ ...(await exportJWK(pair.publicKey)), kid }];
  const answer = (body: unknown) => Promise.resolve({ status: 200, headers: {}, body: JSON.stringify(body) });
  const issuer: TestIssuer = {
    requests: [],
    isDown: false,
    http: (request) => {
      issuer.requests.push(request);
      if (issuer.isDown) return Promise.reject(new Error('connection refused'));
      if (request.url === 'https://issuer.test/path/.well-known/openid-configuration') {
        return answer({ issuer: issuerUrl, jwks_uri: 'https://issuer.test/keys' });
      }
      if (request.url === 'https://issuer.test/keys') return answer({ keys: published });
      return Promise.resolve({ status: 404, headers: {}, body: '' });
    },
    publishAnother: async (another) => {
      const { publicKey } = await newKeys(algorithm);
      published = [...published, { ...(await exportJWK(publicKey)), kid: another }];
    },
    rotate: async (next) => {
      kid = next;
      pair = await newKeys(algorithm);
      published = [{ ...(await exportJWK(pair.publicKey)), kid }];
    },
    sign: (claims = {}, header = {}) => {
      const seconds = Math.floor(now() / 1000);
      const full = { iss: issuerUrl, sub: 'alice', aud: 'app', iat: seconds, exp: seconds + 300, ...claims };
      const protectedHeader = { alg: algorithm, ...('kid' in header ? {} : { kid }), ...header };
      return new SignJWT(full).setProtectedHeader(protectedHeader as { alg: string }).sign(pair.privateKey);
    },
  };
  return issuer;
}
