import { Range } from 'spacetimedb/server';
import { finalStatuses } from './assignment-status.ts';
import { isOwner } from './authorise.ts';
import { fail } from './fail.ts';
import { endGrant } from './grants.ts';
import { finalAssignmentSeconds, settledBridgeSeconds } from './limits.ts';
import { endPresence } from './presence-rows.ts';
import spacetimedb from './schema.ts';
import { presence_sweep } from './tables.ts';
import { micros, seconds, timeAt } from './time.ts';

/** How often expired rows are taken away. */
export const sweepIntervalMicros = 10_000_000n;

/**
 * Takes away what has expired, and what was settled long enough ago: presence, watch leases, capabilities, grants, bridge
 * events and assignments, each by a range of its index.
 */
export const sweep_expired = spacetimedb.reducer(
  { onSchedule: presence_sweep },
  { schedule: presence_sweep.rowType },
  (ctx) => {
    const isScheduler = ctx.connectionId === null && ctx.sender.isEqual(ctx.databaseIdentity);
    if (!isScheduler && !isOwner(ctx)) fail('forbidden', 'Only the scheduler runs the sweep.');
    const expired = upTo(ctx.timestamp);
    for (const row of [...ctx.db.session_presence.expires_at.filter(expired)]) endPresence(ctx, row);
    ctx.db.stream_watch.lease_until.delete(expired);
    ctx.db.provider_capability.expires_at.delete(expired);
    const ended = upTo(micros(ctx.timestamp));
    for (const grant of [...ctx.db.stream_grant.expires_micros.filter(ended)]) endGrant(ctx, grant, 'expired');
    const settled = timeAt(micros(ctx.timestamp) - seconds(settledBridgeSeconds));
    for (const { event_id } of [...ctx.db.bridge_settled.settled_at.filter(upTo(settled))]) {
      ctx.db.bridge_outbox.event_id.delete(event_id);
      ctx.db.bridge_settled.event_id.delete(event_id);
    }
    const over = timeAt(micros(ctx.timestamp) - seconds(finalAssignmentSeconds));
    for (const status of finalStatuses) ctx.db.compute_assignment.by_status_updated.delete([status, upTo(over)]);
  },
);

function upTo<Value>(last: Value): Range<Value> {
  return new Range<Value>({ tag: 'unbounded' }, { tag: 'included', value: last });
}
