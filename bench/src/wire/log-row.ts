import type { PayloadHash, SyncEvent } from '@autopilot/sync-contract';
import { BinaryReader, t } from 'spacetimedb';

const logRow = t.object('EventLog', {
  stream_id: t.string(),
  seq: t.u64(),
  kind: t.string(),
  payload: t.string(),
  payload_hash: t.string(),
  idempotency_key: t.string(),
  committed_at: t.timestamp(),
});

/** A row of event_log, decoded as an owner of a session would. */
export function decodeLogRow(bytes: Uint8Array): Omit<SyncEvent, 'epoch'> {
  const { payload_hash, committed_at, ...row } = logRow.deserialize(new BinaryReader(bytes));
  return { ...row, payload_hash: payload_hash as PayloadHash, committed_at: committed_at.microsSinceUnixEpoch };
}
