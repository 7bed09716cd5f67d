import { callerOf } from './http-caller.ts';
import { answer, type Exchange, members, refuse } from './http-exchange.ts';
import { type MintedToken, mintToken } from './mint.ts';
import type { KhalaUser } from './options.ts';
import { reauthRequired } from './sync-errors.ts';
import { workerEvents } from './topics.ts';
import type { KhalaWorld } from './world.ts';

const syncScopes = [workerEvents, 'runtime.codex_worker_summaries', 'runtime.run_summaries'];

/** POST /api/khala/token and POST /api/sync/token. */
export function tokenRoute(world: KhalaWorld, exchange: Exchange, shape: 'khala' | 'sync') {
  const user = callerOf(world, exchange.request);
  if ('refusal' in user) return refuse(exchange, 401, 'unauthorized', 'sign in first', { reason_code: user.refusal });
  const body = members(exchange.body);
  if (shape === 'khala') return mintKhala(world, exchange, user, body);
  return mintSync(world, exchange, user, body);
}

type Body = Readonly<Record<string, unknown>>;

function mintKhala(world: KhalaWorld, exchange: Exchange, user: KhalaUser, body: Body) {
  const scopes = textList(body.scope ?? [workerEvents]);
  if (scopes === undefined || scopes.length === 0 || scopes.some((scope) => scope.length > 120)) {
    return refuse(exchange, 422, 'invalid_scope', 'scope must be a list of texts of at most 120 characters');
  }
  const minted = mintToken(world, { shape: 'khala', user, scopes });
  if (isRevoked(world, exchange, minted)) return;
  answer(exchange, 200, { data: { ...common(minted), scope: scopes } });
}

function mintSync(world: KhalaWorld, exchange: Exchange, user: KhalaUser, body: Body) {
  const scopes = textList(body.scopes ?? [workerEvents]);
  const topics = textList(body.topics ?? []);
  if (scopes === undefined || scopes.length === 0 || scopes.some((scope) => !syncScopes.includes(scope))) {
    return refuse(exchange, 422, 'invalid_scope', `scopes must be of ${syncScopes.join(', ')}`);
  }
  const ttl = body.ttl_seconds;
  if (ttl !== undefined && !Number.isSafeInteger(ttl)) {
    return refuse(exchange, 422, 'invalid_request', 'ttl_seconds must be a whole number');
  }
  const granted = topics?.map((topic) => ({ topic, required_scope: requiredScope(topic, user) }));
  if (granted === undefined || granted.some((grant) => !scopes.includes(grant.required_scope))) {
    return refuse(exchange, 403, 'forbidden_topic', 'a topic is unknown, of another owner, or not in the scopes');
  }
  const device = body.device_id;
  const own = user.device_id ?? `device-${user.user_id}`;
  if (device !== undefined && (typeof device !== 'string' || (device !== own && user.pat !== true))) {
    return refuse(exchange, 403, 'forbidden_device', 'the device must be the one of the session');
  }
  const minted = mintToken(world, {
    shape: 'sync',
    user,
    scopes,
    ...(typeof device === 'string' ? { device_id: device } : {}),
    ...(ttl === undefined ? {} : { ttl_seconds: Math.min(900, Math.max(60, ttl as number)) }),
  });
  if (isRevoked(world, exchange, minted)) return;
  answer(exchange, 200, { data: { ...common(minted), scopes, granted_topics: granted } });
}

function common(minted: MintedToken): object {
  const { token, kid, token_id, issuer, audience, subject, org_id, claims_version, session_id, device_id } = minted;
  return {
    token,
    token_type: 'Bearer',
    expires_in: minted.expires_at - minted.issued_at,
    issued_at: isoTime(minted.issued_at),
    expires_at: isoTime(minted.expires_at),
    issuer,
    audience,
    subject,
    org_id,
    claims_version,
    kid,
    token_id,
    session_id,
    device_id,
  };
}

/** A signed-out session gets no new token either. */
function isRevoked(world: KhalaWorld, exchange: Exchange, minted: MintedToken): boolean {
  const reason = world.revocations.reasonFor(minted);
  if (reason !== undefined) answer(exchange, 401, { message: 'session was revoked', error: reauthRequired(reason) });
  return reason !== undefined;
}

function requiredScope(topic: string, user: KhalaUser): string {
  const org = user.org_id ?? 'org-1';
  if (topic === `org:${org}:worker_events`) return workerEvents;
  if (topic === `org:${org}:workers`) return 'runtime.codex_worker_summaries';
  if (topic === `user:${user.user_id}:runs`) return 'runtime.run_summaries';
  return '';
}

function textList(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string' && item !== '')) return undefined;
  return value as string[];
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
