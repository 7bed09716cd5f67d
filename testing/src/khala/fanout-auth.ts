import type { IncomingMessage } from 'node:http';
import { fanoutClass, workerOf } from './fanout-topics.ts';
import { type TokenHolder, verifyToken } from './token.ts';
import type { KhalaWorld } from './world.ts';

/** A refused request of dialect B or C. */
export interface FanoutRefusal {
  readonly status: 401 | 403;
  readonly code: 'unauthorized' | 'forbidden_topic' | 'forbidden_origin';
  readonly reason_code: string;
}

const defaultOrigins = ['https://openagents.com', 'https://www.openagents.com'];
const oldestTokenSeconds = 300;

/** Checks origin, token and topic of a request; the holder when all is well. */
export function authorizeFanout(
  world: KhalaWorld,
  request: IncomingMessage,
  topic: string,
): TokenHolder | FanoutRefusal {
  const origin = request.headers.origin?.toLowerCase().replace(/\/$/, '');
  if (origin !== undefined && !(world.options.origins ?? defaultOrigins).includes(origin)) {
    return { status: 403, code: 'forbidden_origin', reason_code: 'origin_not_allowed' };
  }
  const holder = authenticate(world, request.headers.authorization);
  if (typeof holder === 'string') return { status: 401, code: 'unauthorized', reason_code: holder };
  const denied = denial(world, topic, holder);
  return denied === undefined ? holder : { status: 403, code: 'forbidden_topic', reason_code: denied };
}

function authenticate(world: KhalaWorld, authorization: string | undefined): TokenHolder | string {
  if (authorization === undefined) return 'missing_authorization';
  const token = /^Bearer (.*)$/.exec(authorization)?.[1];
  if (token === undefined) return 'invalid_authorization_scheme';
  const now = world.clock.now();
  const holder = verifyToken(token, world.tokenRules, now);
  if (holder === 'token_expired') return holder;
  if (holder === 'invalid_claims') return missingClaim(token) ?? 'invalid_token';
  if (typeof holder === 'string') return 'invalid_token';
  if (now / 1000 - holder.issued_at > oldestTokenSeconds) return 'token_too_old';
  return world.options.revokedTokenIds?.includes(holder.jti) === true ? 'token_revoked' : holder;
}

/** The signature has been checked by then. */
function missingClaim(token: string): string | undefined {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as unknown;
  if (typeof claims !== 'object' || claims === null) return undefined;
  if (!('jti' in claims)) return 'missing_jti';
  return 'iat' in claims ? undefined : 'missing_iat';
}

function denial(world: KhalaWorld, topic: string, holder: TokenHolder): string | undefined {
  const known = fanoutClass(topic);
  if (known === undefined) return 'forbidden_topic';
  if (!known.scopes.some((scope) => holder.scopes.includes(scope))) return 'missing_scope';
  if (world.options.deniedTopics?.includes(topic) === true) return 'surface_policy_denied';
  const user = holder.subject.replace(/^user:/, '');
  const fleet = /^fleet:user:(.+):workers$/.exec(topic)?.[1];
  if (fleet !== undefined && fleet !== user) return 'owner_mismatch';
  const worker = known.name === 'worker_lifecycle' ? world.workers.get(workerOf(topic)) : undefined;
  return worker !== undefined && worker.owner !== user ? 'owner_mismatch' : undefined;
}
