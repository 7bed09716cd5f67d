import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HttpClient } from '@autopilot/sync-contract';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { identityOf, parseIdentity } from '../src/auth/identity.ts';
import { refreshAfter, unusableAfter } from '../src/auth/issuer-keys.ts';
import { loadServerKey } from '../src/auth/server-key.ts';
import { Tokens } from '../src/auth/tokens.ts';
import { issuerUrl, type TestIssuer, testIssuer } from './support/issuer.ts';

let ports: ManualPorts;
let issuer: TestIssuer;
let tokens: Tokens;
const key = loadServerKey(undefined);

beforeEach(async () => {
  ports = manualPorts();
  issuer = await testIssuer(() => ports.clock.now());
  tokens = new Tokens(key, ports, issuer.http);
});

const seconds = () => Math.floor(ports.clock.now() / 1000);
const refused = { code: 'token_rejected' };
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

describe('identities', () => {
  test('A1 the golden vector of a token that a real server minted', () => {
    expect(identityOf('localhost', '6d4b5430-00cf-4a99-932c-ad2d07bab841')).toBe(
      'c200483152d642c7d402de06cacc36dcb0c2a1f2bbeb8e7d5a673f2435cca975',
    );
  });

  test('A1 an identity is read only with its checksum', () => {
    const identity = identityOf('a', 'b');
    expect(parseIdentity(identity.toUpperCase())).toBe(identity);
    const wrong = `${identity.slice(0, -1)}${identity.endsWith('0') ? '1' : '0'}`;
    for (const text of [wrong, identity.slice(2), 'c200', '']) {
      expect(() => parseIdentity(text)).toThrow(expect.objectContaining({ code: 'invalid_identity' }));
    }
  });
});

describe('own tokens', () => {
  test('A2 an anonymous token names a new identity, never expires and carries what upstream puts in', async () => {
    const { token, claims } = tokens.mint();
    expect(payloadOf(token)).toEqual({
      hex_identity: claims.identity,
      sub: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      iss: 'localhost',
      aud: ['spacetimedb'],
      iat: seconds(),
      exp: null,
    });
    ports.advance(10 * 365 * 86_400_000);
    expect((await tokens.verify(token)).claims.identity).toBe(claims.identity);
    expect(tokens.mint().claims.identity).not.toBe(claims.identity);
    expect(issuer.requests).toEqual([]);
  });

  test('A3 a websocket token keeps issuer, subject and extra claims, and lives a minute plus the leeway', async () => {
    const foreign = await tokens.verify(await issuer.sign({ scope: 'sync.append', sub: 'bob' }));
    const { token } = tokens.websocketToken(foreign.claims);
    const expected = { iss: issuerUrl, sub: 'bob', aud: ['app'], scope: 'sync.append', exp: seconds() + 60 };
    expect(payloadOf(token)).toMatchObject(expected);
    issuer.isDown = true;
    expect((await tokens.verify(token)).claims.identity).toBe(identityOf(issuerUrl, 'bob'));
    ports.advance(120_000);
    await tokens.verify(token);
    ports.advance(1000);
    await expect(tokens.verify(token)).rejects.toMatchObject(refused);
  });

  test('A4 another host’s tokens are refused although they claim to be local', async () => {
    const other = new Tokens(loadServerKey(undefined), ports, issuer.http);
    await expect(tokens.verify(other.mint().token)).rejects.toMatchObject(refused);
    expect(issuer.requests).toEqual([]);
  });

  test('A4 hex_identity must be the identity of iss and sub', async () => {
    const forged = tokens.websocketToken({
      ...tokens.mint().claims,
      payload: JSON.stringify({ iss: 'localhost', sub: 'x' }),
    });
    await tokens.verify(forged.token);
    const payload = JSON.stringify({ iss: 'localhost', sub: 'x', hex_identity: identityOf('localhost', 'y') });
    expect(() => tokens.websocketToken({ ...tokens.mint().claims, payload })).toThrow(expect.objectContaining(refused));
  });
});

describe('tokens of an issuer', () => {
  test('A5 are checked by discovery and keys; the issuer keeps its slash in the identity', async () => {
    const { claims } = await tokens.verify(await issuer.sign());
    expect(claims).toMatchObject({ issuer: issuerUrl, subject: 'alice', identity: identityOf(issuerUrl, 'alice') });
    expect(issuer.requests.map(({ url }) => url)).toEqual([
      'https://issuer.test/path/.well-known/openid-configuration',
      'https://issuer.test/keys',
    ]);
  });

  test.each(['RS256', 'ES256'])('A5 %s is accepted', async (algorithm) => {
    issuer = await testIssuer(() => ports.clock.now(), algorithm);
    tokens = new Tokens(key, ports, issuer.http);
    await tokens.verify(await issuer.sign());
  });

  test('A5 HS256 is accepted with a shared key of the issuer', async () => {
    const k = Buffer.alloc(32, 7).toString('base64url');
    const http: HttpClient = ({ url }) => {
      const discovery = { jwks_uri: 'https://issuer.test/keys' };
      const body = url.endsWith('/keys') ? { keys: [{ kty: 'oct', kid: 'k1', k }] } : discovery;
      return Promise.resolve({ status: 200, headers: {}, body: JSON.stringify(body) });
    };
    tokens = new Tokens(key, ports, http);
    const content = `${part({ alg: 'HS256', kid: 'k1' })}.${part({ iss: issuerUrl, sub: 'alice', iat: seconds() })}`;
    const mac = (secret: string) => createHmac('sha256', secret).update(content).digest('base64url');
    await tokens.verify(`${content}.${mac('\x07'.repeat(32))}`);
    await expect(tokens.verify(`${content}.${mac('\x08'.repeat(32))}`)).rejects.toMatchObject(refused);
  });

  test.each(['ES384', 'PS256', 'EdDSA'])('A5 %s is not', async (algorithm) => {
    issuer = await testIssuer(() => ports.clock.now(), algorithm);
    tokens = new Tokens(key, ports, issuer.http);
    await expect(tokens.verify(await issuer.sign())).rejects.toMatchObject(refused);
  });

  test('A5 alg none, and HS256 with a public key as its secret, are refused', async () => {
    const payload = part({ iss: issuerUrl, sub: 'alice', iat: seconds() });
    await expect(tokens.verify(`${part({ alg: 'none' })}.${payload}.`)).rejects.toMatchObject(refused);
    const content = `${part({ alg: 'HS256', kid: 'k1' })}.${payload}`;
    const mac = createHmac('sha256', key.publicPem).update(content).digest('base64url');
    await expect(tokens.verify(`${content}.${mac}`)).rejects.toMatchObject(refused);
  });

  test('A6 a forged token is refused: changed claims, and a key of somebody else', async () => {
    const [header, , signature] = (await issuer.sign()).split('.');
    const payload = part({ iss: issuerUrl, sub: 'root', iat: seconds() });
    await expect(tokens.verify(`${header}.${payload}.${signature}`)).rejects.toMatchObject(refused);
    const thief = await testIssuer(() => ports.clock.now());
    await expect(tokens.verify(await thief.sign())).rejects.toMatchObject(refused);
  });

  test('A7 an expired token is refused, a minute of leeway granted', async () => {
    const token = await issuer.sign({ exp: seconds() + 10 });
    ports.advance(70_000);
    await tokens.verify(token);
    ports.advance(1000);
    await expect(tokens.verify(token)).rejects.toMatchObject(refused);
  });

  test.each([
    ['no iat', { iat: undefined }],
    ['no sub', { sub: undefined }],
    ['an empty sub', { sub: '' }],
    ['a sub of 129 bytes', { sub: 'x'.repeat(129) }],
    ['an exp that is text', { exp: '2099' }],
  ])('A7 %s is refused', async (_name, claims) => {
    await expect(tokens.verify(await issuer.sign(claims))).rejects.toMatchObject(refused);
  });

  test('A7 no exp is accepted, and aud may be missing', async () => {
    await tokens.verify(await issuer.sign({ exp: undefined, aud: undefined }));
  });

  test('A8 an unknown kid fails, also while the cache is young; without a kid every key is tried', async () => {
    await tokens.verify(await issuer.sign({}, { kid: undefined }));
    await expect(tokens.verify(await issuer.sign({}, { kid: 'other' }))).rejects.toMatchObject(refused);
    await issuer.rotate('k2');
    await expect(tokens.verify(await issuer.sign())).rejects.toMatchObject(refused);
    ports.advance(refreshAfter);
    await tokens.verify(await issuer.sign());
  });

  test('A8 a token that names a key is not tried against another one', async () => {
    await issuer.publishAnother('k2');
    await expect(tokens.verify(await issuer.sign({}, { kid: 'k2' }))).rejects.toMatchObject(refused);
    await tokens.verify(await issuer.sign({}, { kid: 'k1' }));
  });

  test('A9 keys are fetched once for many, kept 300 s, used 7200 s when the issuer is down, then no more', async () => {
    const token = await issuer.sign({ exp: undefined });
    await Promise.all([tokens.verify(token), tokens.verify(token), tokens.verify(token)]);
    ports.advance(refreshAfter - 1);
    await tokens.verify(token);
    expect(issuer.requests).toHaveLength(2);
    issuer.isDown = true;
    ports.advance(1);
    await tokens.verify(token);
    expect(issuer.requests).toHaveLength(3);
    ports.advance(unusableAfter - refreshAfter - 1);
    await tokens.verify(token);
    ports.advance(1);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'issuer_unavailable' });
  });

  test.each([['file:///etc/passwd'], ['nonsense'], ['ftp://issuer.test']])('A9 %s is never asked', async (iss) => {
    await expect(tokens.verify(await issuer.sign({ iss }))).rejects.toMatchObject({ code: 'issuer_unavailable' });
    expect(issuer.requests).toEqual([]);
  });

  test.each(['', 'x', 'a.b.c', `${part({ alg: 'ES256' })}.${part([])}.x`])('A6 %j is no token', async (text) => {
    await expect(tokens.verify(text)).rejects.toMatchObject(refused);
  });
});

describe('the server key', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'embedded-key-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  test('A10 is made once, readable by its user only, and found again', async () => {
    const path = join(dir, 'sub', 'server-key.pem');
    const minted = new Tokens(loadServerKey(path), ports, issuer.http).mint();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await new Tokens(loadServerKey(path), ports, issuer.http).verify(minted.token);
  });

  test('A10 is never replaced when it cannot be read as a key', () => {
    const path = join(dir, 'server-key.pem');
    writeFileSync(path, 'rubbish');
    expect(() => loadServerKey(path)).toThrow(expect.objectContaining({ code: 'key_unusable' }));
    expect(readFileSync(path, 'utf8')).toBe('rubbish');
    expect(() => loadServerKey(join(path, 'below'))).toThrow(expect.objectContaining({ code: 'data_dir_unusable' }));
  });
});
