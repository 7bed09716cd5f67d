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

/** The one row with the state of the cutover. */
export interface CutoverStateTable {
  id: number;
  /** Rises with every write: what compare-and-set compares. */
  version: number;
  revision: number;
  /** The revision of the last change that the audit log tells of; those after it are control's own bookkeeping. */
  told_revision: number;
  /** CutoverState as JSON. */
  state: string;
  updated_at: number;
}

/** A command that was done, by its idempotency key. */
export interface CutoverCommandTable {
  key: string;
  actor: string;
  /** Over actor and command. */
  digest: string;
  /** The revision that it led to. */
  revision: number;
  /** CutoverEvent[] as JSON. */
  events: string;
  at: number;
}

/** One link of the hash-chained audit log. Cannot be changed or deleted. */
export interface CutoverAuditTable {
  seq: number;
  hash: string;
  at: number;
  event: string;
  /** AuditRecord as JSON. */
  record: string;
}

/** A receipt of a gate whose signature was verified when it came. */
export interface CutoverReceiptTable {
  id: Generated<number>;
  digest: string;
  gate: string;
  envelope: string;
  observation: string;
  /** Key ids as JSON. */
  signed_by: string;
  submitted_by: string;
  /** By the cutover clock. */
  observed_to: number;
  received_at: number;
}

/** A unit as it was last heard of. */
export interface CutoverUnitTable {
  unit: string;
  client_id: string;
  first_seen: number;
  last_seen: number;
  policy_revision: number | null;
  lane: string;
  rule: string;
  /** Heartbeat as JSON. */
  heartbeat: string;
  /** DriftKind[] as JSON. */
  drift: string;
  drift_since: number | null;
  /** Positions whose chain was compared with control's own. */
  chains_equal: number;
  chains_different: number;
  /** Since when the unit is on its lane. */
  lane_since: number;
}

/** A place under the cap of a rollout. */
export interface CutoverAdmissionTable {
  position: Generated<number>;
  salt: string;
  unit: string;
  admitted_at: number;
}

/** One window of a comparison. */
export interface CutoverParityTable {
  id: Generated<number>;
  unit: string;
  pair: string;
  /** By the clock of the unit's machine. */
  from_at: number;
  to_at: number;
  /** HeldWindow as JSON. */
  report: string;
  /** 1 where it has samples; null until it is counted in a bucket, which only a version without buckets left undone. */
  has_samples: number | null;
}

/** What the windows of a comparison add up to that ended in one stretch of time. Times are those of the machine. */
export interface CutoverParityBucketTable {
  pair: string;
  /** No window of it ended before. */
  begins: number;
  /** What the units ran; empty for what is not known. */
  ran: string;
  /** Since when the module was in use that all of them compared with; 0 for windows that began before. */
  module_since: number;
  /** Bucket as JSON. */
  bucket: string;
}

/** What is kept of the windows that one unit has reported of one pair. */
export interface CutoverParityUnitTable {
  unit: string;
  pair: string;
  /** The newest bucket that a window of it is in. */
  begins: number;
  /** Span[] as JSON: where its windows were that are counted and were deleted, by the clock of the unit's machine. */
  forgotten: string;
  /** When the last of them was deleted; 0 when none was. */
  forgotten_at: number;
}

/** A unit began to use the emergency fallback. */
export interface CutoverFallbackUseTable {
  id: Generated<number>;
  unit: string;
  cohort: string;
  /** By the cutover clock. */
  at: number;
}

/** A rollback and the return from it, as far as it was observed. */
export interface CutoverDrillTable {
  id: Generated<number>;
  /** By the cutover clock. */
  began_at: number;
  ended_at: number | null;
  /** Drill as JSON. */
  drill: string;
}

/** A time in which a replica listened to units. Times are those of the machine. */
export interface CutoverListeningTable {
  id: string;
  from_at: number;
  to_at: number;
}

/** A person who is signed in to the console. Times are those of the machine. */
export interface ConsoleSessionTable {
  /** SHA-256 of what the cookie holds. */
  token_hash: string;
  client_id: string;
  began_at: number;
  expires_at: number;
}

/** Something that control has asked a Nostr key to sign. */
export interface NostrChallengeTable {
  /** 64 lowercase hexadecimal digits. */
  challenge: string;
  client_id: string;
  /** Whom the key is to be bound to. */
  identity: string;
  expires_at: number;
  /** When an event that signs it was taken; null until then. It is good for one. */
  used_at: number | null;
  event_id: string | null;
  pubkey: string | null;
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
  cutover_state: CutoverStateTable;
  cutover_command: CutoverCommandTable;
  cutover_audit: CutoverAuditTable;
  cutover_receipt: CutoverReceiptTable;
  cutover_unit: CutoverUnitTable;
  cutover_admission: CutoverAdmissionTable;
  cutover_parity: CutoverParityTable;
  cutover_parity_bucket: CutoverParityBucketTable;
  cutover_parity_unit: CutoverParityUnitTable;
  cutover_fallback_use: CutoverFallbackUseTable;
  cutover_drill: CutoverDrillTable;
  cutover_listening: CutoverListeningTable;
  console_session: ConsoleSessionTable;
  nostr_challenge: NostrChallengeTable;
}

export type OutboxRow = Selectable<OutboxTable>;
export type StreamRow = Selectable<StreamTable>;
export type SigningKeyRow = Selectable<SigningKeyTable>;
