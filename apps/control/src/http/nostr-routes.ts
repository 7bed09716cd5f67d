import { isCodedError } from '@autopilot/sync-contract';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { KnownClient } from '../config/client-registry.ts';
import { ControlError } from '../errors.ts';
import { metricTable } from '../metrics/metric-table.ts';
import { bindingDomain, bindingPath, readBindingProof, readPubkey } from '../nostr/binding-event.ts';
import type { Context } from './context.ts';
import { readCredentials } from './credentials.ts';
import { parseBody } from './parse-body.ts';

const challengeSchema = z.strictObject({ subject: z.string().optional() }).optional();
const bindingSchema = z.strictObject({ event: z.unknown() });

/** An event that binds a key has half a kilobyte. */
const small = { bodyLimit: 16 * 1024 } as const;

const challengeResults = metricTable.cutover_nostr_challenges_total.labels.result;
const bindingResults = metricTable.cutover_nostr_bindings_total.labels.result;

/** POST /v1/nostr/challenges, POST and DELETE /v1/nostr/bindings: a Nostr key is bound to the identity of a client. */
export function installNostrRoutes(app: FastifyInstance, context: Context): void {
  const { audit, challenges, clock, metrics, sink } = context;
  const countChallenge = (result: string) =>
    metrics.count('cutover_nostr_challenges_total', { result: oneOf(challengeResults, result) });
  const countBinding = (result: string) =>
    metrics.count('cutover_nostr_bindings_total', { result: oneOf(bindingResults, result) });

  /** Answers a client, and notes and counts what becomes of it. */
  async function answer<T>(
    request: FastifyRequest,
    count: (result: string) => void,
    work: (client: KnownClient) => Promise<T>,
  ): Promise<T> {
    let client: KnownClient | undefined;
    try {
      client = await identify(context, request);
      return await work(client);
    } catch (error) {
      const reason = isCodedError(error) ? error.code : 'internal';
      const details = { address: request.ip, method: request.method, path: request.routeOptions.url };
      const who = client === undefined ? { client_id: claimedId(request) } : whom(client);
      await audit({ ...who, event: 'nostr.refused', reason, details });
      count(reason);
      throw error;
    }
  }

  app.post('/v1/nostr/challenges', small, (request, reply) =>
    answer(request, countChallenge, async (client) => {
      const body = parseBody(challengeSchema, request.body ?? undefined);
      if (body?.subject !== undefined && body.subject !== client.subject) {
        throw new ControlError('forbidden', 'A client asks for challenges for its own subject only.');
      }
      const { challenge, expires_at } = await challenges.issue(client);
      await audit({ ...whom(client), event: 'nostr.challenged', reason: 'issued', details: { challenge } });
      countChallenge('issued');
      reply.header('cache-control', 'no-store');
      const { identity } = client;
      return { challenge, domain: bindingDomain, identity, expires_at: Math.floor(expires_at / 1_000) };
    }),
  );

  app.post(bindingPath, small, (request) =>
    answer(request, countBinding, async (client) => {
      const { identity } = client;
      const { event } = parseBody(bindingSchema, request.body);
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
      countBinding('bound');
      return { pubkey: proof.pubkey, identity, bound_at: Math.floor(clock.now() / 1_000) };
    }),
  );

  app.delete<{ Params: { pubkey: string } }>(`${bindingPath}/:pubkey`, small, (request) =>
    answer(request, countBinding, async (client) => {
      const { identity } = client;
      const pubkey = readPubkey(request.params.pubkey);
      await sink.unbindKey(identity, pubkey);
      await audit({ ...whom(client), event: 'nostr.unbound', reason: 'asked', details: { pubkey } });
      countBinding('unbound');
      return { pubkey, identity };
    }),
  );
}

/** The client of a request, within its rate. */
async function identify({ authenticate, nostrLimit }: Context, request: FastifyRequest): Promise<KnownClient> {
  const { client } = await authenticate.withScope(request, 'sync.subscribe');
  const retry_after = nostrLimit.take(client.client_id);
  if (retry_after === 0) return client;
  throw new ControlError('rate_limited', 'This client asks too often.', { details: { retry_after } });
}

/** The client id as claimed: nobody has proved it. */
function claimedId(request: FastifyRequest): string | undefined {
  const credentials = readCredentials(request.headers.authorization);
  return credentials.scheme === 'basic' ? credentials.clientId.slice(0, 128) : undefined;
}

function whom({ client_id, subject }: KnownClient) {
  return { client_id, subject };
}

function oneOf<Result extends string>(results: readonly Result[], code: string): Result | 'other' {
  return results.find((result) => result === code) ?? 'other';
}
