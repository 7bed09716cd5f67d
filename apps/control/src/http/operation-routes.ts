import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { exposeBridge } from '../bridge/expose-bridge.ts';
import { sinkStates } from '../spacetime/event-sink.ts';
import type { Context } from './context.ts';
import { exposeCutover } from './cutover/expose-metrics.ts';

/** How old the oldest waiting event may be before the service calls itself degraded, seconds. */
const healthyAge = 60;

/** GET /metrics and GET /healthz. */
export function installOperationRoutes(app: FastifyInstance, context: Context): void {
  const { clock, metrics, mirror, outbox, sink, store } = context;
  const ageOf = (acceptedAt: number | undefined) =>
    acceptedAt === undefined ? 0 : Math.max(0, (clock.now() - acceptedAt) / 1_000);

  app.get('/metrics', async (_request, reply) => {
    const depth = await outbox.depth();
    metrics.set('cutover_outbox_depth_events', {}, depth.pending + depth.dead);
    metrics.set('cutover_outbox_oldest_age_seconds', {}, ageOf(depth.oldest_accepted_at));
    metrics.set('cutover_outbox_parked_streams', {}, depth.parked_streams);
    const waiting = await mirror.depth();
    metrics.set('cutover_mirror_depth_events', {}, waiting.waiting);
    metrics.set('cutover_mirror_oldest_age_seconds', {}, ageOf(waiting.oldest_accepted_at));
    metrics.set('cutover_mirror_streams', { state: 'on' }, waiting.mirrored_streams);
    metrics.set('cutover_mirror_streams', { state: 'broken' }, waiting.broken_streams);
    await exposeCutover(context);
    exposeBridge(context);
    const { state, token_expires_at } = sink.status;
    for (const each of sinkStates) metrics.set('cutover_session_state', { state: each }, each === state ? 1 : 0);
    metrics.set('cutover_session_token_expiry_timestamp_seconds', {}, (token_expires_at ?? 0) / 1_000);
    reply.header('content-type', metrics.contentType);
    return metrics.expose();
  });

  // 503 only when control cannot do its own work, which is to accept: without the database it still accepts.
  app.get('/healthz', async (request, reply) => {
    const { state, connections, last_error } = sink.status;
    const sinkHealth = { state, connections, last_error: last_error ?? null };
    try {
      await sql`select 1`.execute(store.db);
      const depth = await outbox.depth();
      const age = ageOf(depth.oldest_accepted_at);
      const ok = state === 'live' && depth.parked_streams === 0 && age <= healthyAge;
      return {
        status: ok ? 'ok' : 'degraded',
        store: { ok: true, kind: store.dialect },
        sink: sinkHealth,
        outbox: {
          pending: depth.pending,
          dead: depth.dead,
          parked_streams: depth.parked_streams,
          oldest_age_seconds: age,
        },
      };
    } catch (error) {
      request.log.error({ err: error }, 'the store failed');
      return reply
        .code(503)
        .send({ status: 'failed', store: { ok: false, kind: store.dialect }, sink: sinkHealth, outbox: null });
    }
  });
}
