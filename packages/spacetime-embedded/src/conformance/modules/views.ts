import { schema, t, table } from 'spacetimedb/server';

// Views: for everybody and per sender, of rows, of one row and of a query.

const player = table({ public: true }, { id: t.u32().primaryKey(), team: t.string().index('btree'), score: t.i64() });
const purse = table({}, { owner: t.identity().primaryKey(), coins: t.u32() });

const spacetimedb = schema({ player, purse });
export default spacetimedb;

export const put = spacetimedb.reducer({ id: t.u32(), team: t.string(), score: t.i64() }, (ctx, row) => {
  ctx.db.player.id.delete(row.id);
  ctx.db.player.insert(row);
});
export const drop = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => {
  ctx.db.player.id.delete(id);
});
export const fill = spacetimedb.reducer({ coins: t.u32() }, (ctx, { coins }) => {
  ctx.db.purse.owner.delete(ctx.sender);
  ctx.db.purse.insert({ owner: ctx.sender, coins });
});

export const redPlayers = spacetimedb.anonymousView({ public: true }, t.array(player.rowType), (ctx) => [
  ...ctx.db.player.team.filter('red'),
]);
export const myPurse = spacetimedb.view({ public: true }, t.option(purse.rowType), (ctx) => {
  const found = ctx.db.purse.owner.find(ctx.sender) ?? undefined;
  if (found?.coins === 666) throw new Error('the view fails');
  return found;
});
export const bluePlayers = spacetimedb.anonymousView({ public: true }, t.array(player.rowType), (ctx) =>
  ctx.from.player.where((row) => row.team.eq('blue')),
);
export const secretCount = spacetimedb.anonymousView(
  { public: true },
  t.array(t.row('CoinCount', { coins: t.u32().primaryKey() })),
  (ctx) => [...new Set([...ctx.db.purse.iter()].map((row) => row.coins))].map((coins) => ({ coins })),
);
