import { genesisChain } from '@autopilot/sync-contract';
import { t } from 'spacetimedb/server';
import { requireScope } from './authorise.ts';
import { fail } from './fail.ts';
import { checkId, checkStreamId } from './limits.ts';
import spacetimedb, { type Ctx, type StreamRow } from './schema.ts';
import { dropSegments } from './segments.ts';
import { dropWatches, watchersOf } from './watches.ts';

const fanouts = ['inbox', 'doorbell', 'public'] as const;
export type Fanout = (typeof fanouts)[number];

/**
 * Makes a stream; one that exists stays as it is. `epoch` names the life that begins, '' lets the module make one: who
 * writes the same events to another lane too names the epoch, so that both lanes have the same positions.
 */
export const create_stream = spacetimedb.reducer(
  { stream_id: t.string(), stream_class: t.string(), fanout: t.string(), epoch: t.string() },
  (ctx, { stream_id, stream_class, fanout, epoch }) => {
    requireScope(ctx, 'sync.admin');
    checkStreamId(stream_id);
    checkId('stream_class', stream_class);
    if (epoch !== '') checkId('epoch', epoch);
    const known = fanouts.find((name) => name === fanout);
    if (known === undefined) return fail('invalid_request', `fanout "${fanout}" is not one of ${fanouts.join(', ')}.`);
    const existing = ctx.db.sync_stream.stream_id.find(stream_id);
    if (existing === null) {
      createStream(ctx, stream_id, stream_class, known, epoch);
    } else if (existing.stream_class !== stream_class || existing.fanout !== fanout) {
      fail('invalid_request', `The stream exists with class ${existing.stream_class} and fanout ${existing.fanout}.`);
    }
  },
);

/** Deletes a stream with its events. Grants stay: the next life of the stream, with another epoch, keeps its readers. */
export const retire_stream = spacetimedb.reducer({ stream_id: t.string() }, (ctx, { stream_id }) => {
  requireScope(ctx, 'sync.admin');
  const stream = requireStream(ctx, stream_id);
  for (const recipient of watchersOf(ctx, stream_id)) {
    ctx.db.stream_notice.insert({ recipient, stream_id, notice: 'retired', detail: stream.epoch });
  }
  if (stream.fanout === 'doorbell') ctx.db.bell.insert({ route: stream.route, seq: stream.head });
  dropWatches(ctx, stream_id);
  dropSegments(ctx, stream, stream.head + 1n);
  ctx.db.sync_event.by_stream_seq.delete(stream_id);
  ctx.db.sync_checkpoint.by_stream_client.delete(stream_id);
  ctx.db.sync_stream.stream_id.delete(stream_id);
});

/** Starts the first or next life of a stream, with an epoch of its own where '' is given. */
export function createStream(ctx: Ctx, streamId: string, streamClass: string, fanout: Fanout, epoch = ''): StreamRow {
  const genesis = genesisChain(streamId);
  return ctx.db.sync_stream.insert({
    stream_id: streamId,
    epoch: epoch === '' ? ctx.newUuidV7().toString() : epoch,
    head: 0n,
    head_chain: genesis,
    first_kept: 1n,
    floor_chain: genesis,
    fanout,
    route: freshRoute(ctx),
    stream_class: streamClass,
    owner: ctx.sender,
    created_at: ctx.timestamp,
    updated_at: ctx.timestamp,
  });
}

export function requireStream(ctx: Ctx, streamId: string): StreamRow {
  return ctx.db.sync_stream.stream_id.find(streamId) ?? fail('unknown_stream', `There is no stream ${streamId}.`);
}

/**
 * Gives a doorbell another route, so that who lost the grant no longer hears it. The old route rings once more: its
 * readers read a page and learn the new one from it.
 */
export function rotateRoute(ctx: Ctx, streamId: string): void {
  const stream = ctx.db.sync_stream.stream_id.find(streamId);
  if (stream === null || stream.fanout !== 'doorbell') return;
  ctx.db.bell.insert({ route: stream.route, seq: stream.head });
  ctx.db.sync_stream.stream_id.update({ ...stream, route: freshRoute(ctx) });
}

function freshRoute(ctx: Ctx): string {
  let route = ctx.newUuidV4().toHexString();
  while (ctx.db.sync_stream.route.find(route) !== null) route = ctx.newUuidV4().toHexString();
  return route;
}
