import { BridgeError } from '@autopilot/nostr-bridge';
import type { FastifyInstance } from 'fastify';
import { bridgeSummary } from '../bridge/bridge-summary.ts';
import { ControlError } from '../errors.ts';
import type { Context } from './context.ts';

/** GET /v1/bridge and /v1/bridge/summary, and POST /v1/bridge/jobs/:request_id/paid. */
export function installBridgeRoutes(app: FastifyInstance, context: Context): void {
  const { audit, authenticate } = context;

  app.get('/v1/bridge', async (request) => {
    await authenticate.withScope(request, 'cutover.read');
    return context.bridge === undefined ? { state: 'none' } : context.bridge.status();
  });

  // Whoever control knows may ask: it says nothing of relays, keys and jobs but their number.
  app.get('/v1/bridge/summary', async (request) => {
    await authenticate.anyClient(request);
    return bridgeSummary(context.bridge?.status());
  });

  app.post<{ Params: { request_id: string } }>('/v1/bridge/jobs/:request_id/paid', async (request, reply) => {
    const { client_id, subject } = (await authenticate.withScope(request, 'sync.bridge')).client;
    const { bridge } = context;
    const { request_id } = request.params;
    if (bridge === undefined) throw new ControlError('not_found', 'This control has no bridge to Nostr.');
    try {
      await bridge.notePaid(request_id);
    } catch (error) {
      throw error instanceof BridgeError ? toControlError(error) : error;
    }
    await audit({ event: 'bridge.job.paid', client_id, subject, reason: 'said', details: { request_id } });
    return reply.code(204).send();
  });
}

function toControlError(error: BridgeError): ControlError {
  if (error.code === 'unknown_job') return new ControlError('not_found', error.message, { cause: error });
  if (error.code === 'job_refused') return new ControlError('state_conflict', error.message, { cause: error });
  return new ControlError('unavailable', error.message, { cause: error });
}
