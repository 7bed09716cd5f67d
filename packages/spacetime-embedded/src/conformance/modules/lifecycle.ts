import { SenderError, schema, t, table } from 'spacetimedb/server';

// Lifecycle reducers that note connections, and refuse whom they are told to refuse.

const open = table({ public: true }, { connection: t.string().primaryKey(), identity: t.string() });
const past = table({ public: true }, { connection: t.string().primaryKey(), identity: t.string() });
const refused = table({}, { identity: t.identity().primaryKey(), how: t.string() });

const spacetimedb = schema({ open, past, refused });
export default spacetimedb;

export const connected = spacetimedb.clientConnected((ctx) => {
  const connection = ctx.connectionId?.toHexString() ?? 'none';
  ctx.db.open.insert({ connection, identity: ctx.sender.toHexString() });
  const how = ctx.db.refused.identity.find(ctx.sender)?.how;
  if (how === 'sender') throw new SenderError('you may not come in');
  if (how === 'crash') throw new Error('an inner detail');
});
export const disconnected = spacetimedb.clientDisconnected((ctx) => {
  const connection = ctx.connectionId?.toHexString() ?? 'none';
  ctx.db.open.connection.delete(connection);
  ctx.db.past.insert({ connection, identity: ctx.sender.toHexString() });
  if (ctx.db.refused.identity.find(ctx.sender)?.how === 'leaving') throw new Error('no goodbye');
});
export const refuseFrom = spacetimedb.reducer({ identity: t.identity(), how: t.string() }, (ctx, row) => {
  ctx.db.refused.identity.delete(row.identity);
  ctx.db.refused.insert(row);
});
export const nothing = spacetimedb.reducer(() => undefined);
