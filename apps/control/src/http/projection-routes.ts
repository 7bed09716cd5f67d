import type { FastifyInstance } from 'fastify';
import { coversStream } from '../config/stream-pattern.ts';
import { ControlError } from '../errors.ts';
import { type ItemProblem, parseProjectionRequest } from '../projections/projection-request.ts';
import type { Caller } from './authenticate.ts';
import type { Context } from './context.ts';

/** POST /v1/projections: answers 202 as soon as the events are on disk; the database is not asked. */
export function installProjectionRoutes(app: FastifyInstance, context: Context): void {
  const { accept, audit, authenticate, metrics, mirror, writer } = context;
  app.post('/v1/projections', async (request, reply) => {
    const caller = await authenticate.withScope(request, 'sync.project');
    const { client_id, subject } = caller.client;
    try {
      const drafts = parseProjectionRequest(request.body);
      requireEntitled(caller, drafts);
      const events = await accept(client_id, drafts);
      const streamIds = [...new Set(drafts.map((draft) => draft.stream_id))];
      writer.nudge(streamIds);
      mirror.nudge(streamIds);
      const accepted = events.filter((event) => event.outcome === 'accepted').length;
      metrics.count('cutover_projection_events_total', { outcome: 'accepted' }, accepted);
      metrics.count('cutover_projection_events_total', { outcome: 'duplicate' }, events.length - accepted);
      return reply.code(202).send({ accepted, duplicates: events.length - accepted, events });
    } catch (error) {
      const count = countEvents(request.body);
      metrics.count('cutover_projection_events_total', { outcome: 'refused' }, count);
      const reason = error instanceof ControlError ? error.code : 'internal';
      await audit({ event: 'projection.refused', client_id, subject, reason, details: { events: count } });
      throw error;
    }
  });
}

/** Only a writer of a stream may project to it. */
function requireEntitled({ client }: Caller, drafts: readonly { readonly stream_id: string }[]): void {
  const items: ItemProblem[] = [];
  drafts.forEach(({ stream_id }, index) => {
    if (client.role === 'writer' && coversStream(client.streams, stream_id)) return;
    items.push({ index, code: 'forbidden', message: `This client may not write ${stream_id}.` });
  });
  if (items.length === 0) return;
  const message = `${items.length} of ${drafts.length} events are for streams of others; nothing was accepted.`;
  throw new ControlError('forbidden', message, { details: { items } });
}

function countEvents(body: unknown): number {
  const events = (body as { readonly events?: unknown } | null | undefined)?.events;
  return Array.isArray(events) ? events.length : 0;
}
