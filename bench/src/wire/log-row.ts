import type { RowReader } from '@autopilot/session';
import type { PayloadHash, SyncEvent } from '@autopilot/sync-contract';

/** A row of event_log, decoded as an owner of a session would. */
export function decodeLogRow(row: RowReader): Omit<SyncEvent, 'epoch'> {
  return {
    stream_id: row.readName(),
    seq: row.readU64(),
    kind: row.readName(),
    payload: row.readString(),
    payload_hash: row.readString() as PayloadHash,
    idempotency_key: row.readString(),
    committed_at: row.readI64(),
  };
}
