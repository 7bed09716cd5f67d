import { isCodedError } from '@autopilot/sync-contract';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { KnownClient } from '../config/client-registry.ts';
import { coversStream } from '../config/stream-pattern.ts';
import { ControlError } from '../errors.ts';
import { compatibilityFields, requireCompatible } from './compat-routes.ts';
import type { Context } from './context.ts';
import { readCredentials } from './credentials.ts';
import { parseBody } from './parse-body.ts';

const bodySchema = z.strictObject({
  ...compatibilityFields,
  streams: z.array(z.string().min(1).max(512)).max(500).optional(),
});

/** The most streams that an answer lists when the request names none. */
const longestList = 500;

/** POST /v1/sync/token. */
export function installTokenRoutes(app: FastifyInstance, context: Context): void {
  const { audit, clock, metrics } = context;
  app.post('/v1/sync/token', async (request, reply) => {
    const started = clock.monotonic();
    try {
      const { client, answer, jti } = await issue(context, request);
      const streams = answer.streams.map((stream) => stream.stream_id);
      const details = { jti, expires_at: answer.expires_at, streams };
      const { client_id, subject } = client;
      await audit({ event: 'token.issued', client_id, subject, reason: 'issued', details });
      metrics.count('cutover_token_issue_total', { result: 'issued' });
      metrics.observe('cutover_token_issue_duration_seconds', (clock.monotonic() - started) / 1_000);
      reply.header('cache-control', 'no-store');
      return answer;
    } catch (error) {
      const reason = isCodedError(error) ? error.code : 'internal';
      metrics.count('cutover_token_issue_total', { result: resultOf(reason) });
      const credentials = readCredentials(request.headers.authorization);
      // The id as claimed: nobody has proved it.
      const client_id = credentials.scheme === 'basic' ? credentials.clientId.slice(0, 128) : undefined;
      await audit({ event: 'token.refused', client_id, reason, details: { address: request.ip } });
      throw error;
    }
  });
}

async function issue(context: Context, request: FastifyRequest) {
  const { client } = await context.authenticate.basic(request);
  const wait = context.issueLimit.take(client.client_id);
  if (wait > 0) {
    throw new ControlError('rate_limited', 'This client asks for tokens too often.', {
      details: { retry_after: wait },
    });
  }
  const body = parseBody(bodySchema, request.body);
  requireCompatible(context.window, body);
  const named = body.streams === undefined ? undefined : [...new Set(body.streams)];
  const refused = (named ?? []).filter((streamId) => !coversStream(client.streams, streamId));
  if (refused.length > 0) {
    const message = `This client is not entitled to ${refused.length === 1 ? 'the stream' : 'streams'} ${refused.join(', ')}.`;
    throw new ControlError('forbidden', message, { details: { streams: refused } });
  }
  const streams = named ?? (await knownStreams(context, client));
  await context.directory.ensureGrants(client, streams);
  const { jti, ...minted } = await context.mint({
    subject: client.subject,
    scopes: client.scopes,
    ttl: context.tokenTtl,
  });
  const { uri, database } = context;
  const answer = {
    ...minted,
    token_type: 'Bearer',
    subject: client.subject,
    identity: client.identity,
    issuer: context.issuer,
    audience: context.audience,
    scopes: client.scopes,
    uri,
    database,
    streams: streams.map((stream_id) => ({ stream_id, role: client.role, uri, database })),
  };
  return { client, answer, jti };
}

async function knownStreams({ store }: Context, client: KnownClient): Promise<readonly string[]> {
  const known: string[] = [];
  for (const pattern of client.streams) {
    const query = store.db.selectFrom('stream').select('stream_id').orderBy('stream_id').limit(longestList);
    const prefix = pattern.slice(0, -1);
    const rows = pattern.endsWith('*')
      ? // A range rather than LIKE: `_` and `%` are ordinary characters of a stream id.
        await query.where('stream_id', '>=', prefix).where('stream_id', '<', `${prefix}\u{10ffff}`).execute()
      : await query.where('stream_id', '=', pattern).execute();
    known.push(...rows.map((row) => row.stream_id));
  }
  return [...new Set(known)].filter((streamId) => coversStream(client.streams, streamId)).slice(0, longestList);
}

function resultOf(code: string) {
  switch (code) {
    case 'unauthorized':
    case 'forbidden':
    case 'rate_limited':
    case 'invalid_request':
    case 'unavailable':
      return code;
    case 'invalid_client_build':
    case 'unsupported_protocol_version':
    case 'unsupported_schema_version':
    case 'upgrade_required':
    case 'unsupported_client_build':
      return 'incompatible';
    default:
      return 'other';
  }
}
