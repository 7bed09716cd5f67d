import { Router, SyncResponse, schema, t, table } from 'spacetimedb/server';

// HTTP handlers.

const visit = table({ public: true }, { path: t.string().primaryKey(), count: t.u32() });

const spacetimedb = schema({ visit });
export default spacetimedb;

export const hello = spacetimedb.httpHandler(
  (_ctx, request) =>
    new SyncResponse(`hello ${request.method} ${request.headers.get('x-name')}`, {
      status: 201,
      headers: { 'content-type': 'text/plain', 'x-answered-by': 'module' },
    }),
);
export const echo = spacetimedb.httpHandler((_ctx, request) => new SyncResponse(request.bytes()));
export const where = spacetimedb.httpHandler((_ctx, request) => new SyncResponse(request.uri));
export const counted = spacetimedb.httpHandler((ctx) => {
  const count = ctx.withTx((tx) => {
    const known = tx.db.visit.path.find('counted');
    const next = { path: 'counted', count: (known?.count ?? 0) + 1 };
    if (known) tx.db.visit.path.update(next);
    else tx.db.visit.insert(next);
    return next.count;
  });
  return new SyncResponse(String(count));
});
export const broken = spacetimedb.httpHandler(() => {
  throw new Error('the handler fails');
});

export const odd = spacetimedb.httpHandler(
  () => new SyncResponse('x', { status: 200, headers: { 'x-odd': 'a\u0001b' } }),
);

export const routes = spacetimedb.httpRouter(
  new Router()
    .get('/hello', hello)
    .post('/hello', hello)
    .any('/echo', echo)
    .get('/where', where)
    .post('/counted', counted)
    .get('/broken', broken)
    .get('/odd', odd)
    .get('', hello),
);
