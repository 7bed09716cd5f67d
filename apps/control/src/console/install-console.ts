import { rules, stageNames, stages } from '@autopilot/cutover-flags';
import type { Scheduler } from '@autopilot/sync-contract';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ownGates } from '../cutover/gate-keys.ts';
import { ControlError } from '../errors.ts';
import type { Context } from '../http/context.ts';
import { parseBody } from '../http/parse-body.ts';
import { repeat } from '../repeat.ts';
import { storedNow } from '../store/stored-time.ts';
import { closeUnusedConnections } from './close-unused.ts';
import { createLagHistory } from './lag-history.ts';
import { foreignReason, isFromPage, readCookie, sessionCookie } from './page-request.ts';
import { builtPage, servePage } from './serve-page.ts';

/** What of the console can be set. */
export interface ConsoleSettings {
  /** The folder of the built page. */
  readonly page?: string | undefined;
  /** How often the lag of the units is noted, milliseconds; 10,000. */
  readonly lagEvery?: number | undefined;
}

const signIn = z.strictObject({ client_id: z.string().min(1).max(200), secret: z.string().min(1).max(1_000) });

/** The console: its page, signing in and out, and what it shows beside the cutover API. */
export function installConsole(
  app: FastifyInstance,
  context: Context,
  scheduler: Scheduler,
  settings: ConsoleSettings = {},
): void {
  const { authenticate, clients, clock, service, sessions } = context;

  // A browser would ask for a name and a password in a window of its own, above the page that asks already.
  app.addHook('onSend', async (request, reply) => {
    if (isFromPage(request.headers)) reply.removeHeader('www-authenticate');
  });

  app.post('/console/session', async (request, reply) => {
    const { headers, method } = request;
    const foreign = foreignReason(method, headers);
    if (foreign !== null) throw new ControlError('forbidden', `This is no request of the console: ${foreign}`);
    const body = parseBody(signIn, request.body);
    const { client } = await authenticate.secret(request, body.client_id, body.secret);
    if (!client.scopes.includes('cutover.read')) {
      const message = `The client ${client.client_id} may not see the cutover: it has not the scope cutover.read.`;
      throw new ControlError('forbidden', message, { details: { scope: 'cutover.read' } });
    }
    const { token, session } = await sessions.begin(client.client_id);
    reply.header('set-cookie', sessionCookie(headers, token));
    return reply.code(201).send(whoIs(session.client_id, session.expires_at));
  });

  app.get('/console/session', async (request) => {
    await authenticate.withScope(request, 'cutover.read');
    const token = readCookie(request.headers);
    const session = token === undefined ? undefined : await sessions.find(token);
    if (session === undefined) throw new ControlError('unauthorized', 'Nobody is signed in here, or no longer.');
    return whoIs(session.client_id, session.expires_at);
  });

  app.delete('/console/session', async (request, reply) => {
    const foreign = foreignReason(request.method, request.headers);
    if (foreign !== null) throw new ControlError('forbidden', `This is no request of the console: ${foreign}`);
    const token = readCookie(request.headers);
    if (token !== undefined) await sessions.end(token);
    reply.header('set-cookie', sessionCookie(request.headers, ''));
    return reply.code(204).send();
  });

  app.get('/console/facts', async (request) => {
    await authenticate.withScope(request, 'cutover.read');
    const { config } = service;
    return {
      rules: Object.values(rules),
      stages: stages.map((stage) => ({ stage, name: stageNames[stage] })),
      own_gates: ownGates,
      config,
    };
  });

  const lag = createLagHistory();
  const note = async () => lag.add(await service.cutover.heardUnits(), storedNow(clock));
  let stop = () => {};
  app.addHook('onListen', async () => {
    stop = repeat(scheduler, settings.lagEvery ?? 10_000, note, (error) =>
      app.log.error({ err: error }, 'the lag of the units could not be noted'),
    );
  });
  app.addHook('onClose', async () => stop());
  app.get('/console/lag', async (request) => {
    await authenticate.withScope(request, 'cutover.read');
    return { now: storedNow(clock), every_ms: settings.lagEvery ?? 10_000, points: lag.points };
  });

  closeUnusedConnections(app);
  servePage(app, settings.page ?? builtPage);

  function whoIs(clientId: string, expires_at: number) {
    const scopes = clients.byId(clientId)?.scopes.filter((scope) => scope.startsWith('cutover.')) ?? [];
    return { client_id: clientId, scopes, expires_at };
  }
}
