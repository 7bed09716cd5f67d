import { Range } from 'spacetimedb/server';
import { isOwner } from './authorise.ts';
import { fail } from './fail.ts';
import { endGrant } from './grants.ts';
import { endPresence } from './presence-rows.ts';
import spacetimedb from './schema.ts';
import { presence_sweep } from './tables.ts';
import { micros } from './time.ts';

/** How often expired rows are taken away. */
export const sweepIntervalMicros = 10_000_000n;

/** Takes away what has expired: presence, watch leases, capabilities and grants, each by a range of its index. */
export const sweep_expired = spacetimedb.reducer(
  { onSchedule: presence_sweep },
  { schedule: presence_sweep.rowType },
  (ctx) => {
    const isScheduler = ctx.connectionId === null && ctx.sender.isEqual(ctx.databaseIdentity);
    if (!isScheduler && !isOwner(ctx)) fail('forbidden', 'Only the scheduler runs the sweep.');
    const now = { tag: 'included', value: ctx.timestamp } as const;
    const expired = new Range<typeof ctx.timestamp>({ tag: 'unbounded' }, now);
    for (const row of [...ctx.db.session_presence.expires_at.filter(expired)]) endPresence(ctx, row);
    ctx.db.stream_watch.lease_until.delete(expired);
    ctx.db.provider_capability.expires_at.delete(expired);
    const ended = new Range<bigint>({ tag: 'unbounded' }, { tag: 'included', value: micros(ctx.timestamp) });
    for (const grant of [...ctx.db.stream_grant.expires_micros.filter(ended)]) endGrant(ctx, grant, 'expired');
  },
);
