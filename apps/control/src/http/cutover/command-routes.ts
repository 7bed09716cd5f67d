import { hash } from 'node:crypto';
import { type CutoverCommand, CutoverError } from '@autopilot/cutover-flags';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { CommandOutcome } from '../../cutover/cutover.ts';
import { ControlError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { parseBody } from '../parse-body.ts';
import { publicState } from './public-state.ts';

const clearSchema = z.strictObject({ reason: z.string().trim().min(1).max(2_000) });

const header = z.looseObject({
  revision: z.number().int().min(0),
  idempotency_key: z.string().min(1).max(200),
  reason: z.string().trim().min(1).max(2_000),
});

type Header = Pick<CutoverCommand, 'revision' | 'reason'> & { readonly idempotency_key: string };
type Body = Readonly<Record<string, unknown>>;

/** What makes a command of a request. The machine checks it strictly; here the route only puts it together. */
interface Route {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  /** Members beside the header that may be there. */
  readonly members: readonly string[];
  readonly command: (input: {
    body: Body;
    params: Readonly<Record<string, string>>;
    actor: string;
    id: string;
  }) => Body;
  /** The id that the answer names. */
  readonly names?: 'new' | 'param';
}

const routes: readonly Route[] = [
  {
    method: 'POST',
    path: '/requests',
    members: ['to'],
    names: 'new',
    command: ({ body, id }) => ({ type: 'propose', id, to: body.to }),
  },
  {
    method: 'POST',
    path: '/requests/:id/approvals',
    members: ['plan_digest'],
    names: 'param',
    command: ({ body, params }) => ({ type: 'approve', id: params.id, plan_digest: body.plan_digest }),
  },
  {
    method: 'POST',
    path: '/requests/:id/withdraw',
    members: [],
    names: 'param',
    command: ({ params }) => ({ type: 'withdraw', id: params.id }),
  },
  {
    method: 'POST',
    path: '/rollback',
    members: ['target', 'drain'],
    command: ({ body }) => ({ type: 'rollback', target: body.target, drain: body.drain ?? false }),
  },
  {
    method: 'POST',
    path: '/cohort',
    members: ['percent', 'cap', 'include', 'exclude', 'drain'],
    command: ({ body: { percent = null, cap = null, include = null, exclude = null, drain = false } }) => ({
      type: 'set_cohort',
      change: { percent, cap, include, exclude },
      drain,
    }),
  },
  {
    method: 'POST',
    path: '/fallback',
    members: ['incident', 'operator', 'expires_at', 'units'],
    command: ({ body: { incident, operator, expires_at, units }, actor }) => ({
      type: 'fallback_start',
      incident,
      operator: operator ?? actor,
      expires_at,
      units,
    }),
  },
  { method: 'DELETE', path: '/fallback', members: [], command: () => ({ type: 'fallback_end' }) },
  {
    method: 'POST',
    path: '/waivers',
    members: ['gate', 'owner', 'expires_at'],
    names: 'new',
    command: ({ body: { gate, owner, expires_at }, id }) => ({ type: 'waive', id, gate, owner, expires_at }),
  },
  {
    method: 'DELETE',
    path: '/waivers/:id',
    members: [],
    names: 'param',
    command: ({ params }) => ({ type: 'waive_end', id: params.id }),
  },
  {
    method: 'POST',
    path: '/force',
    members: ['to', 'incident', 'operator', 'expires_at', 'drain'],
    names: 'new',
    command: ({ body: { to, incident, operator, expires_at, drain }, actor, id }) => ({
      type: 'emergency_force',
      id,
      to,
      incident,
      operator: operator ?? actor,
      expires_at,
      drain: drain ?? false,
    }),
  },
  {
    method: 'POST',
    path: '/emergencies/:id/clear',
    members: [],
    names: 'param',
    command: ({ params }) => ({ type: 'emergency_clear', id: params.id }),
  },
  {
    method: 'POST',
    path: '/holds/:id/release',
    members: [],
    names: 'param',
    command: ({ params }) => ({ type: 'release_hold', trigger: params.id }),
  },
  {
    method: 'POST',
    path: '/releases',
    members: ['release'],
    command: ({ body }) => ({ type: 'release_cycle', release: body.release }),
  },
];

/** Every command of an operator; needs the scope cutover.operate. */
export function installCommandRoutes(app: FastifyInstance, context: Context): void {
  const { authenticate, service } = context;
  const { cutover } = service;

  async function begin(request: FastifyRequest, members: readonly string[]) {
    const { client } = await authenticate.withScope(request, 'cutover.operate');
    const { revision, idempotency_key, reason, ...body } = parseBody(header, request.body ?? {});
    const unknown = Object.keys(body).filter((name) => !members.includes(name));
    if (unknown.length > 0) {
      throw new ControlError('invalid_request', `The body is wrong: ${unknown.join(', ')} is not known here.`);
    }
    const head: Header = { revision, idempotency_key, reason };
    return { actor: client.client_id, head, body: body as Body };
  }

  async function run(actor: string, head: Header, command: Body, id: string | null) {
    // Whatever is wrong with it, the machine's own parser says.
    const outcome = await cutover.command(actor, { ...head, ...command } as unknown as CutoverCommand);
    return answerOf(outcome, id);
  }

  for (const { method, path, members, command, names } of routes) {
    app.route<{ Params: Record<string, string> }>({
      method,
      url: `/v1/cutover${path}`,
      handler: async (request) => {
        const { actor, head, body } = await begin(request, members);
        // The same command again has the same id.
        const id = `${path.split('/')[1]?.slice(0, 3)}-${hash('sha256', `${actor}\n${head.idempotency_key}`, 'hex').slice(0, 12)}`;
        const { params } = request;
        const named = names === 'new' ? id : names === 'param' ? (params.id ?? null) : null;
        return run(actor, head, command({ body, params, actor, id }), named);
      },
    });
  }

  app.post<{ Params: { id: string } }>('/v1/cutover/requests/:id/advance', async (request) => {
    const { actor, head, body } = await begin(request, ['drain']);
    const { id } = request.params;
    const { flip } = await cutover.state();
    const seal = flip?.id === id && flip.to === 'sealed';
    if (seal && body.drain !== undefined) throw new CutoverError('invalid_command', 'Sealing drains nothing.');
    const command = seal ? { type: 'seal', id } : { type: 'advance', id, drain: body.drain ?? false };
    return run(actor, head, command, id);
  });

  app.post('/v1/cutover/mirror/clear', async (request) => {
    const { client } = await authenticate.withScope(request, 'cutover.operate');
    const { reason } = parseBody(clearSchema, request.body ?? {});
    const cleared = await context.mirror.clear();
    const { client_id, subject } = client;
    await context.audit({ event: 'mirror.cleared', client_id, subject, reason, details: { cleared } });
    return { cleared };
  });
}

function answerOf({ revision, replayed, events, state }: CommandOutcome, id: string | null) {
  return { revision, replayed, id, events, state: publicState(state) };
}
