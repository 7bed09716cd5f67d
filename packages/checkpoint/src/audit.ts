import { canonicalPayloadHash } from '@autopilot/sync-contract';
import type { AuditStatements } from './audit-statements.ts';
import type { AuditOverflow, ConflictRecord, QuarantinedConflict, QuarantineOutcome, StreamReset } from './store.ts';

type ResetRow = ReturnType<AuditStatements['resets']['all']>[number];
type ConflictRow = ReturnType<AuditStatements['quarantined']['all']>[number];
type OverflowRow = ReturnType<AuditStatements['overflows']['all']>[number];

/** Keeps a conflict, or counts it when its stream has as many records as are kept; runs inside a transaction. */
export function writeConflict(
  statements: AuditStatements,
  conflict: ConflictRecord,
  keep: number,
  at: bigint,
): QuarantineOutcome {
  const { stream_id, reason, event } = conflict;
  const [seq, trueHash] = [`${event.seq}`, canonicalPayloadHash(event.payload)];
  const { stream_id: eventStream, epoch, payload_hash, idempotency_key } = event;
  const { repeatConflict, countQuarantinedOf, countOverflow, insertConflict } = statements;
  const again = [stream_id, reason, eventStream, epoch, seq, payload_hash, trueHash, idempotency_key] as const;
  if (repeatConflict.run(at, ...again).changes > 0) return 'repeated';
  if (Number(countQuarantinedOf.get(stream_id)?.number) >= keep) {
    countOverflow.run(stream_id, 'quarantine', 1n, reason, at, at);
    return 'counted';
  }
  const { kind, payload, committed_at } = event;
  const known = conflict.known_hash ?? null;
  const content = [kind, payload, payload_hash, trueHash, idempotency_key, `${committed_at}`, known] as const;
  insertConflict.run(stream_id, reason, eventStream, epoch, seq, ...content, at, at);
  return 'kept';
}

/** Removes the conflicts of a stream, kept and counted; how often there was one. Runs inside a transaction. */
export function clearConflicts(statements: AuditStatements, streamId: string): bigint {
  const kept = statements.countQuarantinedOf.get(streamId)?.times ?? 0n;
  const counted = statements.overflows.all().find((row) => row.stream_id === streamId && row.of === 'quarantine');
  statements.clearQuarantine.run(streamId);
  statements.clearOverflow.run(streamId);
  return kept + (counted?.times ?? 0n);
}

export function toStreamReset(row: ResetRow): StreamReset {
  const { from_epoch: epoch, from_seq: seq, from_chain: chain } = row;
  return {
    stream_id: row.stream_id,
    from: epoch === null || seq === null || chain === null ? undefined : { epoch, seq, chain },
    to: { epoch: row.to_epoch, seq: row.to_seq, chain: row.to_chain },
    reason: row.reason,
    at_ms: Number(row.at_ms),
  };
}

export function toQuarantinedConflict(row: ConflictRow): QuarantinedConflict {
  return {
    stream_id: row.stream_id,
    reason: row.reason,
    event: {
      stream_id: row.event_stream_id,
      epoch: row.epoch,
      seq: BigInt(row.seq),
      kind: row.kind,
      payload: row.payload,
      payload_hash: row.payload_hash,
      idempotency_key: row.idempotency_key,
      committed_at: BigInt(row.committed_at),
    },
    known_hash: row.known_hash ?? undefined,
    times: row.times,
    first_at_ms: Number(row.first_at_ms),
    last_at_ms: Number(row.last_at_ms),
  };
}

export function toAuditOverflow(row: OverflowRow): AuditOverflow {
  const { stream_id, of, times, last_reason } = row;
  return {
    stream_id,
    of,
    times,
    last_reason,
    first_at_ms: Number(row.first_at_ms),
    last_at_ms: Number(row.last_at_ms),
  };
}
