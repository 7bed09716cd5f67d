import { sign } from 'node:crypto';
import type { HttpClient, Ports } from '@autopilot/sync-contract';
import { compactVerify, decodeProtectedHeader, type JWK, type KeyObject } from 'jose';
import { HostError } from '../errors.ts';
import { type Claims, parseObject, readClaims, rejected } from './claims.ts';
import { identityOf } from './identity.ts';
import { IssuerKeySource } from './issuer-keys.ts';
import type { ServerKey } from './server-key.ts';

/** The `iss` of the tokens that the host mints. */
const localIssuer = 'localhost';

/** Seconds for which a websocket token is valid. */
const websocketTokenSeconds = 60;

const algorithms = ['ES256', 'RS256', 'HS256'];

/** A token and what it says. */
export interface Credentials {
  readonly token: string;
  readonly claims: Claims;
}

/** Mints and checks tokens. */
export class Tokens {
  private readonly key: ServerKey;
  private readonly ports: Ports;
  private readonly issuers: IssuerKeySource;

  constructor(key: ServerKey, ports: Ports, http: HttpClient) {
    this.key = key;
    this.ports = ports;
    this.issuers = new IssuerKeySource(http, ports.clock, ports.scheduler);
  }

  get publicPem(): string {
    return this.key.publicPem;
  }

  /** A new identity of this host with a token that does not expire. */
  mint(): Credentials {
    const subject = uuidV4(this.ports.random.bytes(16));
    return this.signed({
      hex_identity: identityOf(localIssuer, subject),
      sub: subject,
      iss: localIssuer,
      aud: ['spacetimedb'],
      iat: this.now(),
      exp: null,
    });
  }

  /** The same claims under the host's own key, for 60 seconds: fit for a URL. */
  websocketToken({ payload }: Claims): Credentials {
    const claims = parseObject(payload);
    const { aud } = claims;
    return this.signed({
      ...claims,
      aud: Array.isArray(aud) ? aud : aud === undefined || aud === null ? [] : [aud],
      iat: this.now(),
      exp: this.now() + websocketTokenSeconds,
    });
  }

  /**
   * Checks a token: first against the host's own key, whatever `iss` says; then, unless it claims to be the host's,
   * against the keys of its issuer.
   *
   * @throws {HostError} `token_rejected`, `issuer_unavailable`.
   */
  async verify(token: string): Promise<Credentials> {
    const local = await verified(token, this.key.publicKey, ['ES256']);
    if (local !== undefined) return { token, claims: readClaims(local, this.now()) };
    const { header, issuer } = unverified(token);
    if (issuer === localIssuer) throw rejected('the signature is not of this host');
    const payload = await this.verifyForeign(token, issuer, header);
    const claims = readClaims(payload, this.now());
    if (claims.issuer !== issuer) throw rejected('the issuer is another one');
    return { token, claims };
  }

  private async verifyForeign(token: string, issuer: string, header: { alg?: string; kid?: string }): Promise<string> {
    const { alg, kid } = header;
    if (alg === undefined || !algorithms.includes(alg)) throw rejected(`the algorithm ${alg} is not accepted`);
    const keys = await this.issuers.keysOf(issuer);
    if (kid !== undefined && !keys.has(kid)) throw rejected(`the issuer has no key ${JSON.stringify(kid)}`);
    for (const [id, jwk] of keys) {
      if (kid !== undefined && id !== kid) continue;
      // Given as a JWK, which `jose` imports once and remembers.
      const payload = await verified(token, jwk, [alg]);
      if (payload !== undefined) return payload;
    }
    throw rejected('the signature is not of its issuer');
  }

  private signed(payload: Readonly<Record<string, unknown>>): Credentials {
    const text = JSON.stringify(payload);
    const content = `${base64Url('{"typ":"JWT","alg":"ES256"}')}.${base64Url(text)}`;
    const signature = sign('sha256', Buffer.from(content), { key: this.key.privateKey, dsaEncoding: 'ieee-p1363' });
    return { token: `${content}.${signature.toString('base64url')}`, claims: readClaims(text, this.now()) };
  }

  private now(): number {
    return Math.floor(this.ports.clock.now() / 1000);
  }
}

/** The payload when the signature is true; undefined when it is not. */
async function verified(token: string, key: KeyObject | JWK, accepted: string[]): Promise<string | undefined> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: accepted });
    return new TextDecoder().decode(payload);
  } catch {
    // Whatever the reason, and a key of another kind is one: a signature that was not verified is not true.
    return undefined;
  }
}

function unverified(token: string): { readonly header: { alg?: string; kid?: string }; readonly issuer: string } {
  try {
    const header = decodeProtectedHeader(token);
    const { iss } = parseObject(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    if (typeof iss === 'string') return { header, issuer: iss };
  } catch (cause) {
    if (cause instanceof HostError) throw cause;
    throw rejected('this is no token', cause);
  }
  throw rejected('the claim iss is missing');
}

function base64Url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function uuidV4(bytes: Uint8Array): string {
  const value = Uint8Array.from(bytes);
  value[6] = ((value[6] ?? 0) & 0x0f) | 0x40;
  value[8] = ((value[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(value).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
