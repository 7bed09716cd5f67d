import type { PayloadHash } from '@autopilot/sync-contract';
import type { Generated } from 'kysely';

// Integers are bigint: the connection reads with safeIntegers.

/** Whose streams: one row per environment, database and account. */
interface ScopesTable {
  id: Generated<bigint>;
  environment: string;
  database: string;
  account: string;
}

interface Scoped {
  scope: bigint;
  stream_id: string;
}

/** One row per stream of a scope. `generation` names the life of the stream that is being read. */
interface StreamsTable extends Scoped {
  id: Generated<bigint>;
  generation: bigint;
  seq: bigint;
  chain: string;
  updated_at_ms: bigint;
}

/** Stands for (scope, stream, epoch, base): events carry this small number instead of five texts. */
interface GenerationsTable {
  id: Generated<bigint>;
  stream: bigint;
  epoch: string;
  base_seq: bigint;
  base_chain: string;
  retired_at_ms: bigint | null;
  /** 1 where the host leaves sequences out. */
  gaps_allowed: bigint;
}

interface EventsTable {
  generation: bigint;
  seq: bigint;
  kind: string;
  payload: string;
  payload_hash: PayloadHash;
  idempotency_key: string;
  committed_at: bigint;
}

interface EffectsTable {
  id: Generated<bigint>;
  generation: bigint;
  seq: bigint;
  kind: string;
  body: string;
}

interface StreamResetsTable extends Scoped {
  id: Generated<bigint>;
  reason: string;
  from_epoch: string | null;
  from_seq: bigint | null;
  from_chain: string | null;
  to_epoch: string;
  to_seq: bigint;
  to_chain: string;
  at_ms: bigint;
}

/** Numbers of an event are texts here: a conflict may be about a number that no integer column holds. */
interface QuarantineTable extends Scoped {
  id: Generated<bigint>;
  reason: string;
  event_stream_id: string;
  epoch: string;
  seq: string;
  kind: string;
  payload: string;
  payload_hash: PayloadHash;
  /** Of the payload as it came: tells two damaged copies apart. */
  true_hash: PayloadHash;
  idempotency_key: string;
  committed_at: string;
  known_hash: PayloadHash | null;
  times: bigint;
  first_at_ms: bigint;
  last_at_ms: bigint;
}

/** What was counted instead of kept: one row per stream and kind. */
interface AuditOverflowTable extends Scoped {
  of: 'quarantine' | 'resets';
  times: bigint;
  last_reason: string;
  first_at_ms: bigint;
  last_at_ms: bigint;
}

/** The tables of a checkpoint file. */
export interface CheckpointSchema {
  scopes: ScopesTable;
  streams: StreamsTable;
  generations: GenerationsTable;
  events: EventsTable;
  effects: EffectsTable;
  stream_resets: StreamResetsTable;
  quarantine: QuarantineTable;
  audit_overflow: AuditOverflowTable;
}
