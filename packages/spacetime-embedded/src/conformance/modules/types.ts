import { Range, schema, t, table } from 'spacetimedb/server';

// Every column type.

const point = t.object('Point', { x: t.i32(), yAxis: t.i32() });
const shade = t.enum('Shade', { Plain: t.unit(), Mixed: t.array(t.u8()), NamedOne: t.string() });
const level = t.enum('Level', ['Low', 'High']);

const every = table(
  { public: true },
  {
    id: t.u32().primaryKey(),
    flag: t.bool(),
    unsigned8: t.u8(),
    unsigned16: t.u16(),
    unsigned32: t.u32(),
    unsigned64: t.u64(),
    unsigned128: t.u128(),
    unsigned256: t.u256(),
    signed8: t.i8(),
    signed16: t.i16(),
    signed32: t.i32(),
    signed64: t.i64(),
    signed128: t.i128(),
    signed256: t.i256(),
    float32: t.f32(),
    float64: t.f64(),
    text: t.string(),
    bytes: t.byteArray(),
    identity: t.identity(),
    connection: t.connectionId(),
    moment: t.timestamp(),
    span: t.timeDuration(),
    uuid: t.uuid(),
    maybeText: t.option(t.string()),
    numbers: t.array(t.i32()),
    points: t.array(point),
    point,
    shade,
    level,
    maybePoint: t.option(point),
    at: t.scheduleAt(),
  },
);
const float = table(
  { public: true, indexes: [{ accessor: 'byValue', algorithm: 'btree', columns: ['value'] }] },
  { id: t.u32().primaryKey(), value: t.f64() },
);

const spacetimedb = schema({ every, float });
export default spacetimedb;

export const put = spacetimedb.reducer({ row: every.rowType }, (ctx, { row }) => {
  ctx.db.every.id.delete(row.id);
  ctx.db.every.insert(row);
});
export const giveBack = spacetimedb.procedure({ row: every.rowType }, every.rowType, (_ctx, { row }) => row);
export const putFloat = spacetimedb.reducer({ id: t.u32(), value: t.f64() }, (ctx, { id, value }) => {
  ctx.db.float.id.delete(id);
  ctx.db.float.insert({ id, value });
});
export const floatOrder = spacetimedb.procedure(t.array(t.u32()), (ctx) =>
  ctx.withTx((tx) => [...tx.db.float.byValue.filter(new Range<number>())].map((row) => row.id)),
);
