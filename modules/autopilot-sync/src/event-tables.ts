import { t, table } from 'spacetimedb/server';

// Public event tables: rows reach their subscribers at the commit and are never kept. Every one but `bell` has one
// visibility rule on `recipient` (see schema.ts), served by the index on that column.

export const live_inbox = table(
  { public: true, event: true },
  {
    recipient: t.identity().index('btree'),
    stream_id: t.string(),
    epoch: t.string(),
    seq: t.u64(),
    kind: t.string(),
    payload: t.string(),
    /** False when the payload was left out for its size: read the page. */
    inline: t.bool(),
    payload_hash: t.string(),
    idempotency_key: t.string(),
    committed_at: t.timestamp(),
    chain: t.string(),
  },
);

export const stream_notice = table(
  { public: true, event: true },
  { recipient: t.identity().index('btree'), stream_id: t.string(), notice: t.string(), detail: t.string() },
);

export const append_receipt = table(
  { public: true, event: true },
  {
    recipient: t.identity().index('btree'),
    stream_id: t.string(),
    idempotency_key: t.string(),
    outcome: t.string(),
    epoch: t.string(),
    seq: t.u64(),
  },
);

export const transient_signal = table(
  { public: true, event: true },
  {
    recipient: t.identity().index('btree'),
    stream_id: t.string(),
    kind: t.string(),
    payload: t.string(),
    sender: t.identity(),
  },
);

/** Says that the stream behind an opaque route has grown: no name, no content, so it needs no rule. */
export const bell = table({ public: true, event: true }, { route: t.string().index('btree'), seq: t.u64() });
