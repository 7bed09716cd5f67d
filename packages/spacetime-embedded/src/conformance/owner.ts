import { identityOf } from '../auth/identity.ts';
import { httpRequest } from './http-request.ts';
import type { Caller } from './server-access.ts';
import { patience } from './socket-client.ts';

/** Who publishes: the bearer of a token, or somebody new. Rejects with the reason when neither can be had. */
export async function ownerFor(uri: string, token: string | undefined): Promise<Caller> {
  const base = uri.replace(/\/+$/, '');
  if (token === undefined) {
    const { status, body } = await httpRequest({ method: 'POST', url: `${base}/v1/identity` }, patience);
    if (status !== 200) throw new Error(`POST /v1/identity was answered with ${status} ${body}`);
    return JSON.parse(body);
  }
  // The re-signed token names the identity; the route itself says whether the token is good.
  const { status, body } = await httpRequest(
    { method: 'POST', url: `${base}/v1/identity/websocket-token`, headers: { authorization: `Bearer ${token}` } },
    patience,
  );
  if (status !== 200) throw new Error(`the owner token was answered with ${status} ${body}`);
  const { iss, sub } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return { identity: identityOf(iss, sub), token };
}
