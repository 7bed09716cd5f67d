import type { PayloadHash } from '@autopilot/sync-contract';
import { t } from 'spacetimedb';
import type { BsatnReader } from '../wire/bsatn-reader.ts';
import type { LiveRow } from './event-rows.ts';

/** Sequences of one segment of a public stream, as the module has it. */
export const segmentLength = 256n;

const publicEvent = t.object('PublicEvent', {
  segment_key: t.string(),
  stream_id: t.string(),
  epoch: t.string(),
  seq: t.u64(),
  kind: t.string(),
  payload: t.string(),
  inline: t.bool(),
  payload_hash: t.string(),
  idempotency_key: t.string(),
  committed_at: t.timestamp(),
  chain: t.string(),
});

/** The codec of the public table, for test servers. */
export const publicRowCodecs = { publicEvent } as const;

/**
 * The row of public_event that the reader has begun with. Field by field and not by the codec above, as
 * {@link decodeLiveRow} does it.
 */
export function decodePublicRow(reader: BsatnReader): LiveRow {
  reader.skipString(); // the key of the segment that was asked for
  const stream_id = reader.readName();
  const epoch = reader.readName();
  const seq = reader.readU64();
  const kind = reader.readName();
  const payload = reader.readString();
  const inline = reader.readBool();
  const payload_hash = reader.readString() as PayloadHash;
  const idempotency_key = reader.readString();
  const committed_at = reader.readI64();
  reader.skipString(); // the chain: each reader extends its own
  reader.finish();
  return { inline, event: { stream_id, epoch, seq, kind, payload, payload_hash, idempotency_key, committed_at } };
}
