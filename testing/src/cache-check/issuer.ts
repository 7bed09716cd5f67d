import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An issuer of ES256 tokens on the loopback, with the documents that a server asks for. */
export interface Issuer {
  readonly url: string;
  readonly audience: string;
  token(subject: string, scope: string): string;
  close(): Promise<void>;
}

const day = 86_400;

export async function startIssuer(): Promise<Issuer> {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const audience = 'cache-check';
  const server = createServer((request, response) => {
    const jwk = { ...keys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' };
    const documents: Readonly<Record<string, object>> = {
      '/keys': { keys: [jwk] },
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/keys` },
    };
    const found = documents[request.url ?? ''];
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    audience,
    token(subject, scope) {
      const iat = Math.floor(Date.now() / 1000);
      const claims = { iss: url, sub: subject, aud: [audience], iat, exp: iat + 365 * day, scope };
      const signed = [{ alg: 'ES256', typ: 'JWT', kid: 'k1' }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      const signature = sign('sha256', Buffer.from(signed), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
      return `${signed}.${signature.toString('base64url')}`;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
