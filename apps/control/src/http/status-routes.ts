import type { FastifyInstance } from 'fastify';
import { coversStream } from '../config/stream-pattern.ts';
import type { Context } from './context.ts';

/** The most dead letters that the answer lists; the counts are complete. */
const longestList = 100;

/** GET /v1/projections/status: how far the outbox has been delivered, for the streams that the caller may see. */
export function installStatusRoutes(app: FastifyInstance, context: Context): void {
  const { authenticate, deadLetters, outbox, store, writer } = context;
  app.get('/v1/projections/status', async (request) => {
    const { client, scopes } = await authenticate.basic(request);
    const visible = (streamId: string) => scopes.includes('sync.admin') || coversStream(client.streams, streamId);
    const depth = await outbox.depth();
    const rows = await store.db.selectFrom('stream').selectAll().orderBy('stream_id').execute();
    const sum = (field: 'delivered' | 'duplicates') => rows.reduce((total, row) => total + row[field], 0);
    return {
      pending: depth.pending,
      in_flight: writer.inFlight,
      delivered: sum('delivered'),
      duplicates: sum('duplicates'),
      dead: depth.dead,
      streams: rows
        .filter((row) => visible(row.stream_id))
        .map(({ stream_id, epoch, last_seq, chain, delivered, duplicates }) => ({
          stream_id,
          epoch,
          last_seq,
          chain,
          delivered,
          duplicates,
        })),
      parked: (await deadLetters.list(longestList)).filter((letter) => visible(letter.stream_id)),
      stalled: writer.stalled.filter((stalled) => visible(stalled.stream_id)),
    };
  });
}
