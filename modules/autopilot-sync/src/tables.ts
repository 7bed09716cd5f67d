import { t, table } from 'spacetimedb/server';

// Private tables: readable by the module and the owner of the database only.
//
// Index shapes are chosen for the access they serve. Composite indexes carry the point and range reads of reducers and
// procedures; the one-column ones beside them exist for views, whose read set is exact only for a full-key point lookup.

export const module_config = table(
  {},
  { id: t.u8().primaryKey(), owner: t.identity(), issuer: t.string(), audience: t.string() },
);

export const sync_stream = table(
  {},
  {
    stream_id: t.string().primaryKey(),
    epoch: t.string(),
    head: t.u64(),
    head_chain: t.string(),
    first_kept: t.u64(),
    /** The chain at `first_kept - 1`. */
    floor_chain: t.string(),
    fanout: t.string(),
    route: t.string().unique(),
    stream_class: t.string(),
    owner: t.identity(),
    created_at: t.timestamp(),
    updated_at: t.timestamp(),
  },
);

export const sync_event = table(
  {
    indexes: [
      { accessor: 'by_stream_seq', algorithm: 'btree', columns: ['stream_id', 'seq'] },
      { accessor: 'by_stream_key', algorithm: 'btree', columns: ['stream_id', 'idempotency_key'] },
    ],
  },
  {
    stream_id: t.string(),
    seq: t.u64(),
    kind: t.string(),
    payload: t.string(),
    payload_hash: t.string(),
    idempotency_key: t.string(),
    committed_at: t.timestamp(),
    chain: t.string(),
  },
);

export const stream_grant = table(
  {
    indexes: [
      { accessor: 'by_identity_stream', algorithm: 'btree', columns: ['identity', 'stream_id'] },
      { accessor: 'by_stream_identity', algorithm: 'btree', columns: ['stream_id', 'identity'] },
    ],
  },
  {
    id: t.u64().primaryKey().autoInc(),
    identity: t.identity().index('btree'),
    stream_id: t.string(),
    role: t.string(),
    expires_at: t.option(t.timestamp()),
    /** `expires_at` in microseconds, or the largest i64 for never: an option has no index. */
    expires_micros: t.i64().index('btree'),
  },
);

export const stream_watch = table(
  {
    indexes: [
      { accessor: 'by_stream', algorithm: 'btree', columns: ['stream_id', 'identity'] },
      { accessor: 'by_connection', algorithm: 'btree', columns: ['connection_id', 'stream_id'] },
    ],
  },
  {
    id: t.u64().primaryKey().autoInc(),
    connection_id: t.connectionId(),
    identity: t.identity(),
    stream_id: t.string(),
    lease_until: t.timestamp().index('btree'),
  },
);

export const sync_checkpoint = table(
  {
    indexes: [{ accessor: 'by_stream_client', algorithm: 'btree', columns: ['stream_id', 'identity', 'client_id'] }],
  },
  {
    id: t.u64().primaryKey().autoInc(),
    identity: t.identity(),
    client_id: t.string(),
    stream_id: t.string(),
    epoch: t.string(),
    seq: t.u64(),
    chain: t.string(),
    updated_at: t.timestamp(),
  },
);

export const session_presence = table(
  {
    indexes: [{ accessor: 'by_connection', algorithm: 'btree', columns: ['connection_id', 'session_id'] }],
  },
  {
    id: t.u64().primaryKey().autoInc(),
    identity: t.identity(),
    connection_id: t.connectionId(),
    session_id: t.string(),
    stream_id: t.string().index('btree'),
    status: t.string(),
    detail: t.string(),
    last_seen: t.timestamp(),
    expires_at: t.timestamp().index('btree'),
  },
);

export const bridge_outbox = table(
  {},
  {
    event_id: t.string().primaryKey(),
    transport: t.string(),
    /** `pending`, `sent` or `refused`. */
    status: t.string().index('btree'),
    payload: t.string(),
    payload_hash: t.string(),
    created_at: t.timestamp(),
    sent_at: t.option(t.timestamp()),
    /** Of the transport that took it, or the reason of the refusal. */
    receipt: t.string(),
  },
);

/** When a bridge event was sent or refused. A table of its own: a new column would break clients of before. */
export const bridge_settled = table(
  {},
  { event_id: t.string().primaryKey(), settled_at: t.timestamp().index('btree') },
);

export const provider_capability = table(
  {
    indexes: [{ accessor: 'by_identity_capability', algorithm: 'btree', columns: ['identity', 'capability'] }],
  },
  {
    id: t.u64().primaryKey().autoInc(),
    identity: t.identity(),
    capability: t.string(),
    detail: t.string(),
    updated_at: t.timestamp(),
    expires_at: t.timestamp().index('btree'),
  },
);

export const compute_assignment = table(
  {
    // For the sweep of those that are over.
    indexes: [{ accessor: 'by_status_updated', algorithm: 'btree', columns: ['status', 'updated_at'] }],
  },
  {
    assignment_id: t.string().primaryKey(),
    requester: t.identity().index('btree'),
    provider: t.identity().index('btree'),
    stream_id: t.string(),
    status: t.string(),
    detail: t.string(),
    version: t.u64(),
    created_at: t.timestamp(),
    updated_at: t.timestamp(),
  },
);

export const nostr_binding = table(
  {},
  {
    /** 64 lowercase hexadecimal digits. */
    pubkey: t.string().primaryKey(),
    identity: t.identity().index('btree'),
    bound_at: t.timestamp(),
    /** The id of the event by which the key agreed. */
    proof: t.string(),
  },
);

export const presence_sweep = table({}, { scheduled_id: t.u64().primaryKey().autoInc(), scheduled_at: t.scheduleAt() });
