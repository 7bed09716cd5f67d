import { SenderError, schema, t, table } from 'spacetimedb/server';
import { accounts, slots, windowSize } from '../sizes.ts';

// The module that the cache check publishes. Each call of `transfer` is one transaction that touches every public table,
// so that a cache which splits, loses or repeats a transaction shows a state that no prefix of the ledger leads to.
// What the tables must hold after n transactions is computed once more, from the ledger alone, in ../state.ts.

/** The whole log, for the owner: what the judge replays. */
const ledgerRow = {
  n: t.u64().primaryKey(),
  writer: t.u32(),
  nonce: t.u64(),
  source: t.u32(),
  target: t.u32(),
  amount: t.u64(),
  /** Microseconds: tells an execution from its repetition after a crash, which is otherwise the same. */
  at: t.u64(),
};
const ledger = table({ name: 'ledger' }, ledgerRow);
const progress = table({ name: 'progress' }, { writer: t.u32().primaryKey(), nonce: t.u64() });

const head = table({ name: 'head', public: true }, { id: t.u32().primaryKey(), n: t.u64() });
const account = table({ name: 'account', public: true }, { id: t.u32().primaryKey(), balance: t.i64(), n: t.u64() });
/** The last entries of the ledger: rows come and go. */
const entry = table({ name: 'entry', public: true }, { ...ledgerRow, n: t.u64().primaryKey() });
/** Without a primary key: two rows of a slot are taken out and two put in. */
const mark = table({ name: 'mark', public: true }, { slot: t.u32().index('btree'), side: t.u32(), n: t.u64() });
const happened = table({ name: 'happened', public: true, event: true }, { n: t.u64() });

export const spacetimedb = schema({
  ...{ ledger, progress, head, account, entry, mark, happened },
});

export const init = spacetimedb.init((ctx) => {
  ctx.db.head.insert({ id: 0, n: 0n });
  for (let id = 0; id < accounts; id += 1) ctx.db.account.insert({ id, balance: 0n, n: 0n });
});

/** Moves an amount between two accounts. A writer counts its calls from 1; one that is repeated does nothing. */
export const transfer = spacetimedb.reducer(
  { writer: t.u32(), nonce: t.u64(), source: t.u32(), target: t.u32(), amount: t.u64() },
  (ctx, call) => {
    const { db } = ctx;
    const known = db.progress.writer.find(call.writer);
    const last = known?.nonce ?? 0n;
    if (call.nonce <= last) return;
    if (call.nonce !== last + 1n) throw new SenderError(`nonce ${call.nonce} came after ${last}`);
    const progressed = { writer: call.writer, nonce: call.nonce };
    if (known === null) db.progress.insert(progressed);
    else db.progress.writer.update(progressed);

    const n = (db.head.id.find(0)?.n ?? 0n) + 1n;
    const row = { ...call, n, at: ctx.timestamp.microsSinceUnixEpoch };
    db.head.id.update({ id: 0, n });
    db.ledger.insert(row);
    db.entry.insert(row);
    db.entry.n.delete(n - BigInt(windowSize));
    move(call.source, -call.amount);
    move(call.target, call.amount);
    const slot = Number(n % BigInt(slots));
    db.mark.slot.delete(slot);
    for (const side of [0, 1]) db.mark.insert({ slot, side, n });
    db.happened.insert({ n });

    function move(id: number, by: bigint): void {
      const row = db.account.id.find(id);
      if (row === null) throw new SenderError(`there is no account ${id}`);
      db.account.id.update({ id, balance: row.balance + by, n });
    }
  },
);
