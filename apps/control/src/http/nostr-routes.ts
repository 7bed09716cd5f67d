import { isCodedError } from '@autopilot/sync-contract';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { KnownClient } from '../config/client-registry.ts';
import { describeIssues } from '../config/describe-issues.ts';
import { ControlError } from '../errors.ts';
import { metricTable } from '../metrics/metric-table.ts';
import { bindingDomain, bindingPath, readBindingProof, readPubkey } from '../nostr/binding-event.ts';
import type { Context } from './context.ts';
import { readCredentials } from './credentials.ts';

const challengeSchema = z.strictObject({ subject: z.string().optional() }).optional();
const bindingSchema = z.strictObject({ event: z.unknown() });

/** An event that binds a key has half a kilobyte. */
const small = { bodyLimit: 16 * 1024 } as const;

const challengeResults = metricTable.cutover_nostr_challenges_total.labels.result;
const bindingResults = metricTable.cutover_nostr_bindings_total.labels.result;

/** POST /v1/nostr/challenges, POST and DELETE /v1/nostr/bindings: a Nostr key is bound to the identity of a client. */
export function installNostrRoutes(app: FastifyInstance, context: Context): void {
  const { audit, challenges, clock, metrics, sink } = context;

  app.post('/v1/nostr/challenges', small, async (request, reply) => {
    try {
      const client = await identify(context, request);
      const body = parse(challengeSchema, request.body ?? undefined);
      if (body?.subject !== undefined && body.subject !== client.subject) {
        throw new ControlError('forbidden', 'A client asks for challenges for its own subject only.');
      }
      const { challenge, expires_at } = await challenges.issue(client);
      await audit({ ...whom(client), event: 'nostr.challenged', reason: 'issued', details: { challenge } });
      metrics.count('cutover_nostr_challenges_total', { result: 'issued' });
      reply.header('cache-control', 'no-store');
      const { identity } = client;
      return { challenge, domain: bindingDomain, identity, expires_at: Math.floor(expires_at / 1_000) };
    } catch (error) {
      const code = await refused(context, request, error);
      metrics.count('cutover_nostr_challenges_total', { result: oneOf(challengeResults, code) });
      throw error;
    }
  });

  app.post(bindingPath, small, async (request) => {
    try {
      const client = await identify(context, request);
      const { identity } = client;
      const { event } = parse(bindingSchema, request.body);
      const url = `${context.issuer}${bindingPath}`;
      const proof = readBindingProof(event, { url, identity, now: clock.now() / 1_000 });
      // Seen in time, it costs no challenge.
      if (sink.status.state !== 'live') {
        throw new ControlError('unavailable', 'The database is away. The challenge was not used up.');
      }
      await challenges.spend(proof, client);
      // Whatever happens from here on, the challenge is spent. Nothing is left half done: a key that is not bound can be
      // bound with a new challenge, and one that is bound already stays so.
      await sink.bindKey(identity, proof.pubkey, proof.event_id);
      await audit({ ...whom(client), event: 'nostr.bound', reason: 'bound', details: { ...proof } });
      metrics.count('cutover_nostr_bindings_total', { result: 'bound' });
      return { pubkey: proof.pubkey, identity, bound_at: Math.floor(clock.now() / 1_000) };
    } catch (error) {
      throw await bindingRefused(request, error);
    }
  });

  app.delete<{ Params: { pubkey: string } }>(`${bindingPath}/:pubkey`, small, async (request) => {
    try {
      const client = await identify(context, request);
      const { identity } = client;
      const pubkey = readPubkey(request.params.pubkey);
      await sink.unbindKey(identity, pubkey);
      await audit({ ...whom(client), event: 'nostr.unbound', reason: 'asked', details: { pubkey } });
      metrics.count('cutover_nostr_bindings_total', { result: 'unbound' });
      return { pubkey, identity };
    } catch (error) {
      throw await bindingRefused(request, error);
    }
  });

  async function bindingRefused(request: FastifyRequest, error: unknown): Promise<unknown> {
    const code = await refused(context, request, error);
    metrics.count('cutover_nostr_bindings_total', { result: oneOf(bindingResults, code) });
    return error;
  }
}

/** The client of a request, within its rate. */
async function identify({ authenticate, nostrLimit }: Context, request: FastifyRequest): Promise<KnownClient> {
  const { client } = await authenticate.withScope(request, 'sync.subscribe');
  const retry_after = nostrLimit.take(client.client_id);
  if (retry_after === 0) return client;
  throw new ControlError('rate_limited', 'This client asks too often.', { details: { retry_after } });
}

/** Notes a refusal in the audit log and returns its code. */
async function refused({ audit }: Context, request: FastifyRequest, error: unknown): Promise<string> {
  const reason = isCodedError(error) ? error.code : 'internal';
  const credentials = readCredentials(request.headers.authorization);
  // The id as claimed: nobody may have proved it.
  const client_id = credentials.scheme === 'basic' ? credentials.clientId.slice(0, 128) : undefined;
  const details = { address: request.ip, method: request.method, path: request.routeOptions.url };
  await audit({ event: 'nostr.refused', client_id, reason, details });
  return reason;
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ControlError('invalid_request', `The body is wrong: ${describeIssues(parsed.error)}.`);
}

function whom({ client_id, subject }: KnownClient) {
  return { client_id, subject };
}

function oneOf<Result extends string>(results: readonly Result[], code: string): Result | 'other' {
  return results.find((result) => result === code) ?? 'other';
}
