import { t, table } from 'spacetimedb/server';

// Public and kept: every client of the database may read all of it, whatever the query says. Only streams that were
// created as `public` write here.

export const public_event = table(
  { public: true },
  {
    /** Route and number of the segment. One column, so that a subscription to a segment reads and hears that one only. */
    segment_key: t.string().index('btree'),
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
