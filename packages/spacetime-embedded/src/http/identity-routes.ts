import type { ApiContext, ApiRequest } from './api.ts';
import { identityHeaders, requireToken } from './authenticate.ts';
import { json, type Reply, text } from './reply.ts';

/** POST /v1/identity */
export function createIdentity({ tokens }: ApiContext): Reply {
  const { token, claims } = tokens.mint();
  return json(JSON.stringify({ identity: claims.identity, token }));
}

/** GET /v1/identity/public-key */
export function publicKey({ tokens }: ApiContext): Reply {
  return { status: 200, type: 'application/pem-certificate-chain', body: tokens.publicPem };
}

/** POST /v1/identity/websocket-token */
export async function websocketToken({ tokens }: ApiContext, { incoming, url }: ApiRequest): Promise<Reply> {
  const credentials = await requireToken(tokens, incoming, url);
  return json(JSON.stringify({ token: tokens.websocketToken(credentials.claims).token }), identityHeaders(credentials));
}

/** GET /v1/identity/:id/verify */
export async function verifyIdentity({ tokens }: ApiContext, { incoming, url, params }: ApiRequest): Promise<Reply> {
  const { claims } = await requireToken(tokens, incoming, url);
  if (params[0]?.toLowerCase() === claims.identity) return { status: 204 };
  return text(400, 'Identity does not match.');
}

/** GET /v1/identity/:id/databases */
export function identityDatabases({ databases }: ApiContext, { params }: ApiRequest): Reply {
  const owned = databases.ofOwner(params[0]?.toLowerCase() ?? '');
  return json(JSON.stringify({ identities: owned.map(({ identity }) => identity) }));
}

/** GET /v1/ping: a token is checked when there is one. */
export async function ping({ tokens }: ApiContext, { incoming, url }: ApiRequest): Promise<Reply> {
  if (incoming.headers.authorization !== undefined) await requireToken(tokens, incoming, url);
  return { status: 200 };
}
