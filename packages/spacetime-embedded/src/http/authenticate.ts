import type { IncomingMessage } from 'node:http';
import type { Credentials, Tokens } from '../auth/tokens.ts';
import { HostError } from '../errors.ts';
import { Refusal } from './reply.ts';

/**
 * The token of a request: the header, or else the query parameter `token`.
 *
 * @throws {Refusal} 400 for a header that is no bearer token.
 */
function presentedToken(request: IncomingMessage, url: URL): string | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return url.searchParams.get('token') ?? undefined;
  const token = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(header)?.[1];
  if (token === undefined) throw new Refusal(400, 'Authorization is invalid: malformed token');
  return token;
}

/** Who asks, once it is known: a request has one identity, however often it is asked for. */
const known = new WeakMap<IncomingMessage, Credentials>();

/**
 * Who asks; a request without a token becomes a new anonymous identity.
 *
 * @throws {Refusal} 400 or 401.
 */
export async function authenticate(tokens: Tokens, request: IncomingMessage, url: URL): Promise<Credentials> {
  const before = known.get(request);
  if (before !== undefined) return before;
  const token = presentedToken(request, url);
  const credentials = token === undefined ? tokens.mint() : await verified(tokens, token);
  known.set(request, credentials);
  return credentials;
}

/**
 * Who asks.
 *
 * @throws {Refusal} 400, or 401 also when there is no token.
 */
export async function requireToken(tokens: Tokens, request: IncomingMessage, url: URL): Promise<Credentials> {
  const token = presentedToken(request, url);
  if (token === undefined) throw new Refusal(401, 'Authorization required');
  return await authenticate(tokens, request, url);
}

/** The headers that tell an anonymous caller who it is. */
export function identityHeaders({ token, claims }: Credentials): Readonly<Record<string, string>> {
  return { 'spacetime-identity': claims.identity, 'spacetime-identity-token': token };
}

async function verified(tokens: Tokens, token: string): Promise<Credentials> {
  try {
    return await tokens.verify(token);
  } catch (error) {
    if (error instanceof HostError) throw new Refusal(401, error.message);
    throw error;
  }
}
