import { ScheduleAt } from 'spacetimedb';
import { SenderError, schema, t, table } from 'spacetimedb/server';

// Schedule tables of a reducer and of a procedure.

const timer = table({ public: true }, { id: t.u64().primaryKey().autoInc(), at: t.scheduleAt(), label: t.string() });
const job = table({ public: true }, { id: t.u64().primaryKey().autoInc(), at: t.scheduleAt(), label: t.string() });
const fired = table(
  { public: true },
  { id: t.u64().primaryKey().autoInc(), label: t.string(), text: t.string(), when: t.timestamp() },
);

const spacetimedb = schema({ timer, job, fired });
export default spacetimedb;

export const onTimer = spacetimedb.reducer({ onSchedule: timer }, { row: timer.rowType }, (ctx, { row }) => {
  if (row.label.startsWith('fails')) throw new Error('it fails');
  if (row.label.startsWith('refuses')) throw new SenderError('it refuses');
  const text = `${ctx.sender.toHexString()} ${ctx.connectionId === null}`;
  ctx.db.fired.insert({ id: 0n, label: row.label, text, when: ctx.timestamp });
});
export const onJob = spacetimedb.procedure({ onSchedule: job }, { row: job.rowType }, t.unit(), (ctx, { row }) => {
  ctx.withTx((tx) => {
    tx.db.fired.insert({ id: 0n, label: row.label, text: String(tx.db.job.count()), when: ctx.timestamp });
  });
  return {};
});

/** Milliseconds from now; negative ones are in the past. */
export const later = spacetimedb.reducer(
  { label: t.string(), milliseconds: t.i64() },
  (ctx, { label, milliseconds }) => {
    const time = ctx.timestamp.microsSinceUnixEpoch + milliseconds * 1000n;
    ctx.db.timer.insert({ id: 0n, at: ScheduleAt.time(time), label });
  },
);
export const every = spacetimedb.reducer(
  { label: t.string(), milliseconds: t.i64() },
  (ctx, { label, milliseconds }) => {
    ctx.db.timer.insert({ id: 0n, at: ScheduleAt.interval(milliseconds * 1000n), label });
  },
);
export const laterJob = spacetimedb.reducer({ label: t.string() }, (ctx, { label }) => {
  ctx.db.job.insert({ id: 0n, at: ScheduleAt.time(ctx.timestamp.microsSinceUnixEpoch), label });
});
export const cancel = spacetimedb.reducer({ label: t.string() }, (ctx, { label }) => {
  for (const row of [...ctx.db.timer.iter()]) if (row.label === label) ctx.db.timer.id.delete(row.id);
});
export const tooLate = spacetimedb.reducer({ label: t.string() }, (ctx, { label }) => {
  try {
    ctx.db.timer.insert({ id: 0n, at: ScheduleAt.interval(64n ** 6n * 1000n), label });
  } catch (error) {
    const text = (error as Error).name;
    ctx.db.fired.insert({ id: 0n, label, text, when: ctx.timestamp });
  }
});
export const laterAndFail = spacetimedb.reducer({ label: t.string() }, (ctx, { label }) => {
  ctx.db.timer.insert({ id: 0n, at: ScheduleAt.time(ctx.timestamp.microsSinceUnixEpoch), label });
  throw new SenderError('no');
});
