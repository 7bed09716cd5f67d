import type { FastifyInstance } from 'fastify';
import { ControlError } from '../errors.ts';
import type { Context } from './context.ts';

/** POST /v1/projections/dead/:id/retry and .../discard: what an operator decides about a refused event. */
export function installDeadLetterRoutes(app: FastifyInstance, context: Context): void {
  const { audit, authenticate, deadLetters, writer } = context;
  for (const decision of ['retry', 'discard'] as const) {
    app.post<{ Params: { id: string } }>(`/v1/projections/dead/:id/${decision}`, async (request) => {
      const { client } = await authenticate.withScope(request, 'sync.admin');
      const { id } = request.params;
      const letter = /^\d{1,15}$/.test(id) ? await deadLetters[decision](Number(id)) : undefined;
      if (letter === undefined) throw new ControlError('not_found', `There is no dead event ${id}.`);
      await audit({
        event: decision === 'retry' ? 'dead.retried' : 'dead.discarded',
        client_id: client.client_id,
        subject: client.subject,
        reason: letter.code,
        details: { ...letter },
      });
      writer.nudge([letter.stream_id]);
      return { decision, ...letter };
    });
  }
}
