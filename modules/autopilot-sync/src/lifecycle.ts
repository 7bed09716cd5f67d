import { ScheduleAt, t } from 'spacetimedb/server';
import { configOf, isOwner, requireToken } from './authorise.ts';
import { fail } from './fail.ts';
import { endPresence } from './presence-rows.ts';
import spacetimedb from './schema.ts';
import { sweepIntervalMicros } from './sweep.ts';

/** Whoever publishes the module owns it, and is the only one who may configure it. */
export const init = spacetimedb.init((ctx) => {
  ctx.db.module_config.insert({ id: 0, owner: ctx.sender, issuer: '', audience: '' });
  ctx.db.presence_sweep.insert({ scheduled_id: 0n, scheduled_at: ScheduleAt.interval(sweepIntervalMicros) });
});

/** Names the issuer of tokens, once, and their audience. */
export const configure = spacetimedb.reducer(
  { issuer: t.string(), audience: t.string() },
  (ctx, { issuer, audience }) => {
    const config = configOf(ctx);
    if (!config.owner.isEqual(ctx.sender)) fail('forbidden', 'Only the owner of the database configures the module.');
    if (issuer === '' || audience === '') fail('invalid_request', 'issuer and audience must not be empty.');
    if (config.issuer !== '' && config.issuer !== issuer) {
      fail('invalid_request', `The issuer is ${config.issuer} and cannot be replaced by another.`);
    }
    ctx.db.module_config.id.update({ ...config, issuer, audience });
  },
);

/** Lets in who has a good token, and the owner, who has to come in before any token is trusted. */
export const client_connected = spacetimedb.clientConnected((ctx) => {
  if (!isOwner(ctx)) requireToken(ctx);
});

/** Takes away what belonged to the connection. */
export const client_disconnected = spacetimedb.clientDisconnected((ctx) => {
  const connection = ctx.connectionId;
  if (connection === null) return;
  // Watches first: the connection that goes is not told of its own end.
  ctx.db.stream_watch.by_connection.delete(connection);
  for (const row of [...ctx.db.session_presence.by_connection.filter(connection)]) endPresence(ctx, row);
});
