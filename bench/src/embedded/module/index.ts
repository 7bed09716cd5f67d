import { schema, t, table } from 'spacetimedb/server';

// The module of the benchmarks of the host: rows with one index, rows under a rule, rows behind a view, and a join.

const item = table(
  { name: 'item', public: true },
  { id: t.u64().primaryKey(), topic: t.string().index('btree'), text: t.string() },
);
const note = table(
  { name: 'note', public: true },
  { id: t.u64().primaryKey(), recipient: t.identity().index('btree'), text: t.string() },
);
const member = table(
  { name: 'member', public: true },
  { id: t.u64().primaryKey(), who: t.identity().index('btree'), room: t.u32().index('btree') },
);
const room = table({ name: 'room', public: true }, { id: t.u32().primaryKey(), topic: t.string().index('btree') });

export const spacetimedb = schema({ item, note, member, room });

export const noteRule = spacetimedb.clientVisibilityFilter.sql('SELECT * FROM note WHERE recipient = :sender');

/** The rooms that the caller is in. */
export const mine = spacetimedb.view({ name: 'mine', public: true }, t.array(member.rowType), (ctx) => [
  ...ctx.db.member.who.filter(ctx.sender),
]);

export const nothing = spacetimedb.reducer({ name: 'nothing' }, () => undefined);

export const putItem = spacetimedb.reducer({ name: 'put_item' }, item.rowType.row, (ctx, row) => {
  ctx.db.item.insert({ ...row });
});

/** Rows of 32 topics in one transaction. */
export const fillItems = spacetimedb.reducer(
  { name: 'fill_items' },
  { first: t.u64(), count: t.u32(), text: t.string() },
  (ctx, { first, count, text }) => {
    for (let n = 0n; n < BigInt(count); n += 1n) {
      ctx.db.item.insert({ id: first + n, topic: `topic ${n % 32n}`, text });
    }
  },
);

export const putNote = spacetimedb.reducer({ name: 'put_note' }, note.rowType.row, (ctx, row) => {
  ctx.db.note.insert({ ...row });
});

export const putMember = spacetimedb.reducer({ name: 'put_member' }, member.rowType.row, (ctx, row) => {
  ctx.db.member.insert({ ...row });
});

export const putRoom = spacetimedb.reducer({ name: 'put_room' }, room.rowType.row, (ctx, row) => {
  ctx.db.room.insert({ ...row });
});
