import type { IncomingMessage } from 'node:http';
import type { KhalaUser } from './options.ts';
import { verifyToken } from './token.ts';
import type { KhalaWorld } from './world.ts';

/** The bearer text of a request; undefined without one. */
function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
}

/** Who asks: by a minted token, or by a bearer of the table of users, or anybody where there is no table. */
export function callerOf(world: KhalaWorld, request: IncomingMessage): KhalaUser | { readonly refusal: string } {
  const bearer = bearerOf(request);
  const { users } = world.options;
  if (bearer?.split('.').length === 3) {
    const holder = verifyToken(bearer, world.tokenRules, world.clock.now());
    if (typeof holder === 'string') return { refusal: holder };
    const { session_id, device_id, org_id } = holder;
    return { user_id: holder.subject.replace(/^user:/, ''), org_id, session_id, device_id };
  }
  if (users !== undefined) {
    const known = bearer !== undefined && Object.hasOwn(users, bearer) ? users[bearer] : undefined;
    return known ?? { refusal: 'unauthenticated' };
  }
  const header = (name: string): string | undefined => request.headers[name]?.toString();
  const session = header('x-khala-session');
  const device = header('x-khala-device');
  return {
    user_id: header('x-khala-user') ?? 'user-1',
    ...(session === undefined ? {} : { session_id: session }),
    ...(device === undefined ? {} : { device_id: device }),
  };
}
