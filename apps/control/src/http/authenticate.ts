import type { FastifyRequest } from 'fastify';
import type { ClientRegistry, KnownClient } from '../config/client-registry.ts';
import { ControlError } from '../errors.ts';
import type { Verify } from '../issuer/verify.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import type { RateLimiter } from './rate-limiter.ts';

/** Who makes a request, and what this request may do. */
export interface Caller {
  readonly client: KnownClient;
  /** Those of the client, or the narrower ones of its token. */
  readonly scopes: readonly string[];
}

/** Finds out who makes a request. */
export interface Authenticate {
  /** By client id and secret. */
  basic(request: FastifyRequest): Promise<Caller>;
  /** By client id and secret from elsewhere than the Authorization header. */
  secret(request: FastifyRequest, clientId: string, secret: string): Promise<Caller>;
  /** By client id and secret, by a token of this issuer or as the console's page. */
  anyClient(request: FastifyRequest): Promise<Caller>;
  /** As `anyClient`; `forbidden` without the scope. */
  withScope(request: FastifyRequest, scope: string): Promise<Caller>;
}

/** Who a request of a signed-in page is from; undefined when it is from no page. Rejects when nobody is signed in. */
export type PageCaller = (request: FastifyRequest) => Promise<Caller | undefined>;

/**
 * Authentication for the routes. Wrong credentials are counted per address, and after too many of them every attempt of
 * that address is `rate_limited`. Rejects with {ControlError} `unauthorized`, `token_expired`, `token_not_yet_valid`.
 */
export function createAuthenticate(
  clients: ClientRegistry,
  verify: Verify,
  failures: RateLimiter,
  page: PageCaller = async () => undefined,
): Authenticate {
  async function identify(request: FastifyRequest, credentials: Credentials, bearer: boolean): Promise<Caller> {
    const wait = failures.wait(request.ip);
    if (wait > 0) {
      const details = { retry_after: wait };
      throw new ControlError('rate_limited', 'Too many wrong credentials from this address.', { details });
    }
    try {
      if (credentials.scheme === 'basic') {
        const client = clients.authenticate(credentials.clientId, credentials.secret);
        if (client !== undefined) return { client, scopes: client.scopes };
        throw new ControlError('unauthorized', 'The client id or the secret is wrong.');
      }
      if (credentials.scheme === 'bearer' && bearer) return await byToken(credentials.token);
      throw new ControlError(
        'unauthorized',
        `The request carries no ${bearer ? 'Basic or Bearer' : 'Basic'} credentials.`,
      );
    } catch (error) {
      failures.take(request.ip);
      throw error;
    }
  }

  async function byToken(token: string): Promise<Caller> {
    const { subject, scopes } = await verify(token);
    const client = clients.bySubject(subject);
    if (client === undefined)
      throw new ControlError('unauthorized', 'The token is for a client that no longer exists.');
    // A scope that was taken from the client since is gone from its tokens too.
    return { client, scopes: scopes.filter((scope) => (client.scopes as readonly string[]).includes(scope)) };
  }

  /** A session that is over is no guess at a secret: it is not counted as one. */
  async function anyClient(request: FastifyRequest): Promise<Caller> {
    return (await page(request)) ?? (await identify(request, readCredentials(request.headers.authorization), true));
  }

  return {
    anyClient,
    basic: (request) => identify(request, readCredentials(request.headers.authorization), false),
    secret: (request, clientId, secret) => identify(request, { scheme: 'basic', clientId, secret }, false),
    async withScope(request, scope) {
      const caller = await anyClient(request);
      if (caller.scopes.includes(scope)) return caller;
      throw new ControlError('forbidden', `This needs the scope ${scope}.`, { details: { scope } });
    },
  };
}
