import type { PayloadHash } from '@autopilot/sync-contract';
import { t } from 'spacetimedb';
import { decode } from './codec.ts';
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

/** One row of public_event. */
export function decodePublicRow(bytes: Uint8Array): LiveRow {
  const { segment_key, inline, chain, payload_hash, committed_at, ...row } = decode(publicEvent, bytes);
  return {
    inline,
    event: {
      ...row,
      payload_hash: payload_hash as PayloadHash,
      committed_at: committed_at.microsSinceUnixEpoch,
    },
  };
}
