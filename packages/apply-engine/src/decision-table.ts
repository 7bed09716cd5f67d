/** What an event is to a state: exactly one of these, found by the order of checks in `classify`. */
export type EventClass =
  | 'foreign-stream'
  | 'invalid-seq'
  | 'other-epoch'
  | 'past-same'
  | 'past-other'
  | 'past-unknown'
  | 'passed-over'
  | 'untruthful'
  | 'ahead'
  | 'key-reused'
  | 'next';

/** The outcomes of a decision. */
export type Outcome = 'applied' | 'duplicate' | 'gap' | 'stale' | 'conflict' | 'snapshot-required';

/** Why an event is quarantined; each is a code of `applyErrors`. */
export type ConflictReason =
  | 'hash_differs'
  | 'passed_over'
  | 'payload_hash_mismatch'
  | 'idempotency_key_reused'
  | 'foreign_stream'
  | 'invalid_seq';

type Row = { readonly outcome: Exclude<Outcome, 'conflict'> } | ConflictRow;
type ConflictRow = { readonly outcome: 'conflict'; readonly reason: ConflictReason };

/** The whole rule, as data: one outcome for every class. Only `next` moves a watermark. */
export const decisionTable = {
  'foreign-stream': { outcome: 'conflict', reason: 'foreign_stream' },
  'invalid-seq': { outcome: 'conflict', reason: 'invalid_seq' },
  'other-epoch': { outcome: 'snapshot-required' },
  'past-same': { outcome: 'duplicate' },
  'past-other': { outcome: 'conflict', reason: 'hash_differs' },
  'past-unknown': { outcome: 'stale' },
  'passed-over': { outcome: 'conflict', reason: 'passed_over' },
  untruthful: { outcome: 'conflict', reason: 'payload_hash_mismatch' },
  ahead: { outcome: 'gap' },
  'key-reused': { outcome: 'conflict', reason: 'idempotency_key_reused' },
  next: { outcome: 'applied' },
} as const satisfies Record<EventClass, Row>;
