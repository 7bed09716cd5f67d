import { SenderError, schema, t, table } from 'spacetimedb/server';

// Event tables, and visibility rules on tables and event tables.

const bell = table(
  { public: true, event: true },
  { id: t.u64().primaryKey().autoInc(), recipient: t.identity().index('btree'), text: t.string() },
);
const shout = table({ public: true, event: true }, { text: t.string(), topic: t.string().index('btree') });
const note = table(
  { public: true },
  { id: t.u32().primaryKey(), recipient: t.identity().index('btree'), text: t.string() },
);
const post = table(
  { public: true },
  { id: t.u32().primaryKey(), author: t.identity(), published: t.bool(), text: t.string() },
);
const paper = table(
  { public: true },
  { id: t.u32().primaryKey(), author: t.identity().index('btree'), published: t.bool(), text: t.string() },
);
const said = table({ public: true }, { key: t.string().primaryKey(), text: t.string() });
const topic = table({ public: true }, { name: t.string().primaryKey(), open: t.bool() });

const spacetimedb = schema({ bell, shout, note, post, paper, said, topic });
export default spacetimedb;

export const bellRule = spacetimedb.clientVisibilityFilter.sql('SELECT * FROM bell WHERE recipient = :sender');
export const noteRule = spacetimedb.clientVisibilityFilter.sql('SELECT * FROM note WHERE recipient = :sender');
export const postRule = spacetimedb.clientVisibilityFilter.sql(
  'SELECT p.* FROM post p WHERE p.published = TRUE OR (p.author = :sender AND id <> 0)',
);
export const paperOfAuthor = spacetimedb.clientVisibilityFilter.sql('SELECT * FROM paper WHERE author = :sender');
export const paperOfAll = spacetimedb.clientVisibilityFilter.sql('SELECT * FROM paper WHERE published = TRUE');

export const ring = spacetimedb.reducer({ recipient: t.identity(), text: t.string() }, (ctx, row) => {
  ctx.db.bell.insert({ id: 0n, ...row });
});
export const call = spacetimedb.reducer({ text: t.string(), topic: t.string() }, (ctx, row) => {
  ctx.db.shout.insert(row);
});
export const callAndFail = spacetimedb.reducer({ text: t.string() }, (ctx, { text }) => {
  ctx.db.shout.insert({ text, topic: 'failing' });
  throw new SenderError('no');
});
export const callTwice = spacetimedb.reducer({ text: t.string() }, (ctx, { text }) => {
  ctx.db.shout.insert({ text, topic: 'twice' });
  ctx.db.shout.insert({ text, topic: 'twice' });
});
/** Notes how many events its own transaction sees before and after it adds one. */
export const count = spacetimedb.reducer({ key: t.string() }, (ctx, { key }) => {
  const before = ctx.db.shout.count();
  ctx.db.shout.insert({ text: key, topic: 'counted' });
  ctx.db.said.insert({ key, text: `${before} ${ctx.db.shout.count()}` });
});
export const write = spacetimedb.reducer({ id: t.u32(), recipient: t.identity(), text: t.string() }, (ctx, row) => {
  ctx.db.note.id.delete(row.id);
  ctx.db.note.insert(row);
});
/** Puts the same into a table with one rule and into one with two. */
export const publish = spacetimedb.reducer(
  { id: t.u32(), author: t.identity(), published: t.bool(), text: t.string() },
  (ctx, row) => {
    for (const rows of [ctx.db.post, ctx.db.paper]) {
      rows.id.delete(row.id);
      rows.insert({ ...row });
    }
  },
);
export const unwrite = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => {
  ctx.db.note.id.delete(id);
});
export const open = spacetimedb.reducer({ name: t.string(), open: t.bool() }, (ctx, row) => {
  ctx.db.topic.name.delete(row.name);
  ctx.db.topic.insert(row);
});
