import type { Generated, Selectable } from 'kysely';

// Times are milliseconds since the Unix epoch. Sequences are decimal text: they are u64 and outgrow a number.

/** Facts about the whole store, such as the issuer. */
export interface MetaTable {
  key: string;
  value: string;
}

/** One ES256 key pair of the issuer. */
export interface SigningKeyTable {
  kid: string;
  state: 'next' | 'current' | 'old';
  /** JWK as JSON. */
  public_jwk: string;
  /** JWK as JSON, not encrypted. */
  private_jwk: string;
  published_at: number;
  signing_since: number | null;
  retired_at: number | null;
}

/** One thing that was granted, refused or decided by an operator. */
export interface AuditEventTable {
  id: Generated<number>;
  at: number;
  event: string;
  client_id: string | null;
  subject: string | null;
  reason: string;
  /** JSON. */
  details: string;
}

/** One accepted event on its way to the database. */
export interface OutboxTable {
  /** Rising within a stream in the order of acceptance. */
  position: Generated<number>;
  stream_id: string;
  kind: string;
  /** Canonical JSON; emptied at delivery, when the database keeps it. */
  payload: string;
  payload_hash: string;
  idempotency_key: string;
  state: 'pending' | 'dead' | 'delivered';
  client_id: string;
  accepted_at: number;
  delivered_at: number | null;
  outcome: 'appended' | 'duplicate' | null;
  epoch: string | null;
  seq: string | null;
  error_code: string | null;
  error_message: string | null;
}

/** What control knows of a stream it writes. */
export interface StreamTable {
  stream_id: string;
  created_at: number;
  updated_at: number;
  /** The epoch in which the database has the stream, as its last receipt said. */
  epoch: string | null;
  /** The epoch that control names when it makes the stream; null until the first event of a stream of before. */
  planned_epoch: string | null;
  last_seq: string | null;
  /** The chain at last_seq; null as soon as control has missed one sequence of the epoch. */
  chain: string | null;
  /** Receipts that are stored. */
  delivered: Generated<number>;
  /** How many of them said that the database had the event already. */
  duplicates: Generated<number>;
  /** `on`: khala gets every event of the stream; `broken`: it has missed one, so it gets no more; `off`: none at all. */
  mirror: Generated<'off' | 'on' | 'broken'>;
  /** Why it is broken. */
  mirror_reason: string | null;
  /** The sequence that khala has given to the last event of the stream. */
  mirror_seq: string | null;
}

/** One accepted event on its way to khala; deleted when it is there. */
export interface MirrorTable {
  /** Rising within a stream in the order of acceptance. */
  position: Generated<number>;
  stream_id: string;
  kind: string;
  /** Canonical JSON. */
  payload: string;
  idempotency_key: string;
  accepted_at: number;
}

/** Work that one replica at a time may do. */
export interface LeaseTable {
  name: string;
  holder: string;
  until: number;
}

/** All tables. */
export interface Schema {
  meta: MetaTable;
  signing_key: SigningKeyTable;
  audit_event: AuditEventTable;
  outbox: OutboxTable;
  stream: StreamTable;
  mirror: MirrorTable;
  lease: LeaseTable;
}

export type OutboxRow = Selectable<OutboxTable>;
export type StreamRow = Selectable<StreamTable>;
export type SigningKeyRow = Selectable<SigningKeyTable>;
