import { schema, t, table } from 'spacetimedb/server';

// One module in several versions; VARIANT is set when it is bundled.
declare const VARIANT: string;

const base = { id: t.u32().primaryKey(), name: t.string() };
const columns =
  {
    '': base,
    'column-with-default': { ...base, level: t.u32().default(7) },
    'column-without-default': { ...base, level: t.u32() },
    'column-type': { id: t.u32().primaryKey(), name: t.u32() },
    'column-gone': { id: t.u32().primaryKey() },
    'column-order': { name: t.string(), id: t.u32().primaryKey() },
    unique: { id: t.u32().primaryKey(), name: t.string().unique() },
    index: { id: t.u32().primaryKey(), name: t.string().index('btree') },
  }[VARIANT] ?? base;

const thing = table({ public: VARIANT !== 'private' }, columns as typeof base);
const other = table({ public: true }, { id: t.u32().primaryKey() });
const more = table({ public: true }, { id: t.u32().primaryKey(), text: t.string() });

const spacetimedb = schema({
  thing,
  ...(VARIANT === 'table-gone' ? {} : { other }),
  ...(VARIANT === 'table-added' ? { more } : {}),
} as { thing: typeof thing; other: typeof other; more: typeof more });
export default spacetimedb;

export const add = spacetimedb.reducer({ id: t.u32(), name: t.string() }, (ctx, row) => {
  ctx.db.thing.insert(row);
});
export const addMore = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => {
  if (VARIANT === 'table-added') ctx.db.more.insert({ id, text: 'more' });
});
export const addOther = spacetimedb.reducer({ id: t.u32() }, (ctx, { id }) => {
  ctx.db.other.insert({ id });
});
export const version = spacetimedb.procedure(t.string(), () => VARIANT);
