import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { identityOf } from '../../auth/identity.ts';
import { group } from '../case.ts';
import { check, equal, NotApplicable } from '../expectation.ts';
import type { ServerUnderTest } from '../server-under-test.ts';

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
const headerOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());

/** An issuer of tokens on this machine. */
interface Issuer {
  readonly url: string;
  sign(claims?: object, header?: object, key?: KeyObject): string;
}

/** Signs as `kid` k1, unless a header says otherwise. */
function signed(claims: object, header: { alg?: string }, key: KeyObject): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${part({ typ: 'JWT', alg: 'ES256', ...header })}.${part(claims)}`;
  const encoding = header.alg?.startsWith('RS') ? {} : { dsaEncoding: 'ieee-p1363' as const };
  return `${content}.${sign('sha256', Buffer.from(content), { key, ...encoding }).toString('base64url')}`;
}

let madeKeys: ReturnType<typeof makeKeys> | undefined;

function makeKeys() {
  return {
    elliptic: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  };
}

/** The keys of every issuer: RSA keys take long to make. */
function issuerKeys() {
  madeKeys ??= makeKeys();
  return madeKeys;
}

/** Runs a check with an issuer that the server can reach only when it runs on this machine. */
async function withIssuer(server: ServerUnderTest, body: (issuer: Issuer) => Promise<void>): Promise<void> {
  if (!/^https?:\/\/(127\.|localhost|\[::1\])/.test(server.uri)) {
    throw new NotApplicable('the server is on another machine and cannot fetch the keys of an issuer on this one');
  }
  const { elliptic, rsa } = issuerKeys();
  const keys = [
    { ...elliptic.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' },
    { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'k2', alg: 'RS256', use: 'sig' },
  ];
  const web: Server = createServer((request, response) => {
    const found =
      request.url === '/.well-known/openid-configuration' ? { issuer: url, jwks_uri: `${url}/keys` } : { keys };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const now = Math.floor(server.ports.clock.now() / 1000);
  try {
    await body({
      url,
      sign: (
        claims = {},
        header = {},
        key = 'alg' in header && header.alg === 'RS256' ? rsa.privateKey : elliptic.privateKey,
      ) =>
        signed(
          { iss: url, sub: 'alice', iat: now, exp: now + 300, ...claims },
          { kid: 'k1', ...header } as object,
          key,
        ),
    });
  } finally {
    web.closeAllConnections();
    web.close();
  }
}

/** As whom a request with a token counts; the status when it is refused. */
async function countedAs(server: ServerUnderTest, token: string): Promise<unknown> {
  const { path } = await server.database('store');
  const { status, headers } = await server.request('POST', `${path}/call/nothing`, { body: '[]', token });
  return status === 200 ? headers['spacetime-identity'] : status;
}

/** Tokens, and the identities in them. */
export const tokenCases = group('tokens', [
  [
    'minted-claims',
    'auth.tokens',
    'a minted token carries issuer, subject, audience and the identity',
    async (server) => {
      const { identity, token } = await server.caller();
      const claims = claimsOf(token);
      equal(headerOf(token).alg, 'ES256', 'alg');
      equal(
        [claims.iss, claims.hex_identity, claims.aud],
        ['localhost', identity, ['spacetimedb']],
        'iss, hex_identity, aud',
      );
      check(typeof claims.iat === 'number', 'iat is no number');
      check(claims.exp === null || claims.exp === undefined, `exp is ${claims.exp}`);
      check(/^[0-9a-f-]{36}$/.test(claims.sub), `sub is ${claims.sub}`);
    },
  ],
  [
    'identity-derivation',
    'auth.tokens',
    'an identity is derived from issuer and subject',
    async (server) => {
      const { identity, token } = await server.caller();
      const { iss, sub } = claimsOf(token);
      equal(identity, identityOf(iss, sub), 'identity');
    },
  ],
  [
    'websocket-token-claims',
    'auth.tokens',
    'a websocket token keeps issuer and subject and ends in a minute',
    async (server) => {
      const { token, identity } = await server.caller();
      const short = JSON.parse((await server.request('POST', '/v1/identity/websocket-token', { token })).body).token;
      const [before, after] = [claimsOf(token), claimsOf(short)];
      equal([after.iss, after.sub, after.aud], [before.iss, before.sub, before.aud], 'iss, sub and aud');
      equal(after.exp - after.iat, 60, 'seconds');
      equal(await countedAs(server, short), identity, 'the identity of it');
    },
  ],
  [
    'forged',
    'auth.validation',
    'a token that claims to be of the server and is not is refused',
    async (server) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const { token } = await server.caller();
      equal(await countedAs(server, signed(claimsOf(token), {}, privateKey)), 401, 'status');
    },
  ],
  [
    'altered',
    'auth.validation',
    'a token with other claims under its signature is refused',
    async (server) => {
      const { token } = await server.caller();
      const [header, , signature] = token.split('.');
      const claims = Buffer.from(JSON.stringify({ ...claimsOf(token), sub: 'somebody' })).toString('base64url');
      equal(await countedAs(server, `${header}.${claims}.${signature}`), 401, 'status');
    },
  ],
  [
    'unsigned',
    'auth.validation',
    'the algorithm "none" is refused',
    async (server) => {
      const { token } = await server.caller();
      const header = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
      equal(await countedAs(server, `${header}.${token.split('.')[1]}.`), 401, 'status');
    },
  ],
  [
    'oidc-es256',
    'auth.validation',
    'a token of an OIDC issuer is accepted by its published key',
    (server) =>
      withIssuer(server, async ({ url, sign: signAs }) => {
        equal(await countedAs(server, signAs()), identityOf(url, 'alice'), 'identity');
      }),
  ],
  [
    'oidc-rs256',
    'auth.validation',
    'RS256 is accepted',
    (server) =>
      withIssuer(server, async ({ url, sign: signAs }) => {
        equal(await countedAs(server, signAs({}, { alg: 'RS256', kid: 'k2' })), identityOf(url, 'alice'), 'identity');
      }),
  ],
  [
    'oidc-audience',
    'auth.validation',
    'the audience is left to the module',
    (server) =>
      withIssuer(server, async ({ url, sign: signAs }) => {
        for (const aud of ['one', ['one', 'two'], undefined]) {
          equal(await countedAs(server, signAs({ aud })), identityOf(url, 'alice'), `aud ${aud}`);
        }
      }),
  ],
  [
    'oidc-unknown-kid',
    'auth.validation',
    'a key id that the issuer does not have is refused',
    (server) =>
      withIssuer(server, async ({ sign: signAs }) => {
        equal(await countedAs(server, signAs({}, { kid: 'nobody' })), 401, 'status');
      }),
  ],
  [
    'oidc-no-kid',
    'auth.validation',
    'without a key id every key is tried',
    (server) =>
      withIssuer(server, async ({ url, sign: signAs }) => {
        equal(await countedAs(server, signAs({}, { kid: undefined })), identityOf(url, 'alice'), 'identity');
      }),
  ],
  [
    'oidc-wrong-key',
    'auth.validation',
    'a signature of another key is refused',
    (server) =>
      withIssuer(server, async ({ sign: signAs }) => {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        equal(await countedAs(server, signAs({}, {}, privateKey)), 401, 'status');
      }),
  ],
  [
    'oidc-expired',
    'auth.validation',
    'a token that has expired is refused',
    (server) =>
      withIssuer(server, async ({ sign: signAs }) => {
        const past = Math.floor(server.ports.clock.now() / 1000) - 600;
        equal(await countedAs(server, signAs({ iat: past, exp: past + 60 })), 401, 'status');
      }),
  ],
  [
    'oidc-claims',
    'auth.validation',
    'subject and time of issue are required, and of bounded length',
    (server) =>
      withIssuer(server, async ({ sign: signAs }) => {
        for (const claims of [{ sub: undefined }, { sub: '' }, { sub: 'x'.repeat(129) }, { iat: undefined }]) {
          equal(await countedAs(server, signAs(claims)), 401, JSON.stringify(claims));
        }
      }),
  ],
  [
    'oidc-hex-identity',
    'auth.validation',
    'a hex_identity that is not the derived one is refused',
    (server) =>
      withIssuer(server, async ({ url, sign: signAs }) => {
        const own = identityOf(url, 'alice');
        equal(await countedAs(server, signAs({ hex_identity: own })), own, 'the derived one');
        equal(await countedAs(server, signAs({ hex_identity: identityOf(url, 'bob') })), 401, 'the one of another');
      }),
  ],
  [
    'oidc-websocket-token',
    'auth.tokens',
    'the websocket token of a foreign one keeps its issuer',
    (server) =>
      withIssuer(server, async ({ url, sign: signAs }) => {
        const { body } = await server.request('POST', '/v1/identity/websocket-token', {
          token: signAs({ colour: 'red' }),
        });
        const { token } = JSON.parse(body);
        equal([claimsOf(token).iss, claimsOf(token).colour], [url, 'red'], 'iss and an extra claim');
        equal(await countedAs(server, token), identityOf(url, 'alice'), 'identity');
      }),
  ],
]);
