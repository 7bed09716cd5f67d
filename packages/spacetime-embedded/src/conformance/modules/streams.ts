import { Range, SenderError, schema, t, table } from 'spacetimedb/server';

// A private log that is read by pages through a procedure, with live rows through an event table per reader.

const head = table({}, { streamId: t.string().primaryKey(), seq: t.u64() });
const entry = table(
  { indexes: [{ accessor: 'byStreamSeq', algorithm: 'btree', columns: ['streamId', 'seq'] }] },
  { id: t.u64().primaryKey().autoInc(), streamId: t.string(), seq: t.u64(), text: t.string() },
);
const grant = table(
  { indexes: [{ accessor: 'byReader', algorithm: 'btree', columns: ['reader', 'streamId'] }] },
  { id: t.u64().primaryKey().autoInc(), reader: t.identity(), streamId: t.string() },
);
const watch = table(
  { indexes: [{ accessor: 'byStream', algorithm: 'btree', columns: ['streamId'] }] },
  { id: t.u64().primaryKey().autoInc(), connection: t.connectionId(), reader: t.identity(), streamId: t.string() },
);
const liveInbox = table(
  { public: true, event: true },
  { recipient: t.identity().index('btree'), streamId: t.string(), seq: t.u64(), text: t.string() },
);

const spacetimedb = schema({ head, entry, grant, watch, liveInbox });
export default spacetimedb;

export const inboxRule = spacetimedb.clientVisibilityFilter.sql('SELECT * FROM live_inbox WHERE recipient = :sender');

export const disconnected = spacetimedb.clientDisconnected((ctx) => {
  for (const row of [...ctx.db.watch.iter()]) {
    if (ctx.connectionId !== null && row.connection.isEqual(ctx.connectionId)) ctx.db.watch.id.delete(row.id);
  }
});
export const allow = spacetimedb.reducer({ reader: t.identity(), streamId: t.string() }, (ctx, row) => {
  ctx.db.grant.insert({ id: 0n, ...row });
});
export const revoke = spacetimedb.reducer(
  { reader: t.identity(), streamId: t.string() },
  (ctx, { reader, streamId }) => {
    ctx.db.grant.byReader.delete([reader, streamId]);
    for (const row of [...ctx.db.watch.byStream.filter(streamId)]) {
      if (row.reader.isEqual(reader)) ctx.db.watch.id.delete(row.id);
    }
  },
);
export const append = spacetimedb.reducer({ streamId: t.string(), text: t.string() }, (ctx, { streamId, text }) => {
  const seq = (ctx.db.head.streamId.find(streamId)?.seq ?? 0n) + 1n;
  ctx.db.head.streamId.delete(streamId);
  ctx.db.head.insert({ streamId, seq });
  ctx.db.entry.insert({ id: 0n, streamId, seq, text });
  const told = new Set<string>();
  for (const { reader } of [...ctx.db.watch.byStream.filter(streamId)]) {
    // Two connections of one identity share its rows.
    if (told.has(reader.toHexString())) continue;
    told.add(reader.toHexString());
    ctx.db.liveInbox.insert({ recipient: reader, streamId, seq, text });
  }
});
const page = t.object('Page', { head: t.u64(), seqs: t.array(t.u64()) });
export const openStream = spacetimedb.procedure(
  { streamId: t.string(), after: t.u64(), limit: t.u32() },
  page,
  (ctx, { streamId, after, limit }) =>
    ctx.withTx((tx) => {
      if ([...tx.db.grant.byReader.filter([ctx.sender, streamId])].length === 0) throw new SenderError('no grant');
      const connection = ctx.connectionId;
      const isWatching = [...tx.db.watch.byStream.filter(streamId)].some(
        (row) => connection !== null && row.connection.isEqual(connection),
      );
      if (connection !== null && !isWatching) {
        tx.db.watch.insert({ id: 0n, connection, reader: ctx.sender, streamId });
      }
      const range = new Range<bigint>(
        { tag: 'excluded', value: after },
        { tag: 'included', value: after + BigInt(limit) },
      );
      const seqs = [...tx.db.entry.byStreamSeq.filter([streamId, range])].map((row) => row.seq);
      return { head: tx.db.head.streamId.find(streamId)?.seq ?? 0n, seqs };
    }),
);
