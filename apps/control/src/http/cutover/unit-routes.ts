import { type CutoverPolicy, type PolicySigningKey, signAdmission, signPolicy } from '@autopilot/cutover-flags';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { describeIssues } from '../../config/describe-issues.ts';
import { published } from '../../cutover/cutover.ts';
import { parseHeartbeat, parseParityWindow, unitId } from '../../cutover/heartbeat-request.ts';
import { ControlError } from '../../errors.ts';
import { storedNow } from '../../store/stored-time.ts';
import type { Context } from '../context.ts';
import { parseBody } from '../parse-body.ts';

/** The longest wait for a new policy, and when a unit that has waited asks again; milliseconds. */
const longestWait = 20_000;
const againAfterWait = 1_000;

const querySchema = z
  .strictObject({
    unit: unitId.optional(),
    after: z.coerce.number().int().min(0).optional(),
    wait_ms: z.coerce.number().int().min(1).max(longestWait).optional(),
  })
  .refine((query) => (query.after === undefined) === (query.wait_ms === undefined), 'needs both after and wait_ms');
const paritySchema = z.strictObject({ unit: unitId, window: z.unknown() });

/** A fleet asks and tells all the time: only what goes wrong is logged. */
const quiet = { logLevel: 'warn' } as const;

/** Aborted when nobody is there any more for the answer. */
function goneOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}

/** What units ask and tell: the policy, heartbeats, comparisons. Any client with sync.subscribe may. */
export function installUnitRoutes(app: FastifyInstance, context: Context): void {
  const { authenticate, clock: wall, keys, service } = context;
  const { admissions, clock, cutover, deployment, heartbeats, units, waiters } = service;

  /** A unit belongs to the client that first used it. */
  async function requireOwn(unit: string, clientId: string): Promise<void> {
    const owner = await units.ownerOf(unit);
    if (owner === undefined || owner === clientId) return;
    throw new ControlError('forbidden', `The unit ${unit} belongs to another client.`);
  }

  /** The last document: it is the same for every unit until policy or key change. */
  let signed: { readonly name: string; readonly jws: Promise<string> } | undefined;

  function sign(policy: CutoverPolicy): Promise<string> {
    const signer = keys.signer as PolicySigningKey;
    const name = `${signer.kid} ${policy.revision}`;
    if (signed?.name !== name) signed = { name, jws: signPolicy(policy, signer) };
    return signed.jws;
  }

  app.get('/v1/cutover/policy', quiet, async (request, reply) => {
    const { client } = await authenticate.withScope(request, 'sync.subscribe');
    const query = querySchema.safeParse(request.query);
    if (!query.success)
      throw new ControlError('invalid_request', `The query is wrong: ${describeIssues(query.error)}.`);
    const { unit, after, wait_ms } = query.data;
    if (unit !== undefined) await requireOwn(unit, client.client_id);
    const waits = after !== undefined && wait_ms !== undefined && waiters.free;
    if (waits) {
      const { policy_revision } = await cutover.recent();
      if (policy_revision <= after) await waiters.wait(after, wait_ms, goneOf(reply));
    }
    const policy = published(await cutover.recent(), clock);
    const now = storedNow(wall);
    const admitted =
      unit !== undefined && policy.cohort.cap !== null && (await admissions.ask(unit, policy, now)) ? unit : null;
    const { salt } = policy.cohort;
    reply.header('cache-control', 'no-store');
    return {
      policy: await sign(policy),
      admission:
        admitted === null
          ? null
          : await signAdmission(
              { deployment, unit: admitted, salt, admitted: true, issued_at: now },
              keys.signer as PolicySigningKey,
            ),
      policy_revision: policy.revision,
      deployment,
      next_ms: waits ? againAfterWait : heartbeats.usual,
      wait_ms: waiters.free ? longestWait : null,
    };
  });

  app.post('/v1/cutover/heartbeats', quiet, async (request) => {
    const { client } = await authenticate.withScope(request, 'sync.subscribe');
    return heartbeats.take(client.client_id, parseHeartbeat(request.body));
  });

  app.post('/v1/cutover/parity', quiet, async (request, reply) => {
    const { client } = await authenticate.withScope(request, 'sync.subscribe');
    const body = parseBody(paritySchema, request.body);
    await requireOwn(body.unit, client.client_id);
    const stored = await heartbeats.compare(body.unit, parseParityWindow(body.window));
    return reply.code(202).send({ stored });
  });
}
