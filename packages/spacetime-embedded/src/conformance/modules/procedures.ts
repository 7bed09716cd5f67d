import { SenderError, schema, t, table } from 'spacetimedb/server';

// Procedures: transactions of their own, failures, HTTP requests to elsewhere.

const entry = table(
  { public: true },
  { id: t.u64().primaryKey().autoInc(), key: t.string().index('btree'), text: t.string() },
);

const spacetimedb = schema({ entry });
export default spacetimedb;

export const sum = spacetimedb.procedure({ a: t.i64(), b: t.i64() }, t.i64(), (_ctx, { a, b }) => a + b);
export const add = spacetimedb.procedure({ key: t.string(), text: t.string() }, t.u64(), (ctx, { key, text }) =>
  ctx.withTx((tx) => {
    tx.db.entry.insert({ id: 0n, key, text });
    return BigInt([...tx.db.entry.key.filter(key)].length);
  }),
);
export const addTwice = spacetimedb.procedure({ key: t.string() }, t.unit(), (ctx, { key }) => {
  ctx.withTx((tx) => void tx.db.entry.insert({ id: 0n, key, text: 'one' }));
  ctx.withTx((tx) => void tx.db.entry.insert({ id: 0n, key, text: 'two' }));
  return {};
});
export const failInTx = spacetimedb.procedure({ key: t.string() }, t.string(), (ctx, { key }) => {
  try {
    ctx.withTx((tx) => {
      tx.db.entry.insert({ id: 0n, key, text: 'lost' });
      throw new SenderError('undone');
    });
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
});
export const addAndFail = spacetimedb.procedure({ key: t.string() }, t.unit(), (ctx, { key }) => {
  ctx.withTx((tx) => void tx.db.entry.insert({ id: 0n, key, text: 'stays' }));
  throw new Error('too late');
});
export const who = spacetimedb.procedure(
  t.string(),
  (ctx) => `${ctx.sender.toHexString()} ${ctx.connectionId === null}`,
);
export const get = spacetimedb.procedure({ url: t.string() }, t.string(), (ctx, { url }) => {
  try {
    const response = ctx.http.fetch(url, { method: 'GET', headers: { 'x-asked-by': 'module' } });
    return `${response.status} ${response.text()}`;
  } catch (error) {
    return `${(error as Error).name}`;
  }
});
export const getInTx = spacetimedb.procedure({ url: t.string() }, t.string(), (ctx, { url }) =>
  ctx.withTx(() => {
    try {
      ctx.http.fetch(url);
      return 'fetched';
    } catch (error) {
      return (error as Error).name;
    }
  }),
);
