import type { PayloadHash, SyncEvent } from '@autopilot/sync-contract';
import { t } from 'spacetimedb';
import type { BsatnReader } from '../wire/bsatn-reader.ts';
import { decode } from './codec.ts';

/** Of `recipient`: an identity is a u256. */
const identityBytes = 32;

/** The event tables that the module writes to the caller, each restricted to its recipient by the module's rules. */
export const liveQueries = [
  'SELECT * FROM live_inbox',
  'SELECT * FROM stream_notice',
  'SELECT * FROM transient_signal',
  // Subscribed as well: the receipt of an append arrives inside its ReducerResult only to those who read this table.
  'SELECT * FROM append_receipt',
] as const;

/** What a connection subscribes to that hears of its own streams only, and over which nothing is appended. */
export const sideQueries = ['SELECT * FROM stream_notice', 'SELECT * FROM transient_signal'] as const;

const liveInbox = t.object('LiveInbox', {
  recipient: t.identity(),
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

const streamNotice = t.object('StreamNotice', {
  recipient: t.identity(),
  stream_id: t.string(),
  notice: t.string(),
  detail: t.string(),
});

const appendReceipt = t.object('AppendReceiptRow', {
  recipient: t.identity(),
  stream_id: t.string(),
  idempotency_key: t.string(),
  outcome: t.string(),
  epoch: t.string(),
  seq: t.u64(),
});

const transientSignal = t.object('TransientSignal', {
  recipient: t.identity(),
  stream_id: t.string(),
  kind: t.string(),
  payload: t.string(),
  sender: t.identity(),
});

const bell = t.object('Bell', { route: t.string(), seq: t.u64() });

/** The codecs of the event tables, for test servers. */
export const eventRowCodecs = { liveInbox, streamNotice, appendReceipt, transientSignal, bell } as const;

/** One row of live_inbox. */
export interface LiveRow {
  readonly event: SyncEvent;
  /** False when the payload was too large to be sent along: it has to be read by a page. */
  readonly inline: boolean;
}

/**
 * The row of live_inbox that the reader has begun with. Field by field and not by the codec above, which it must agree
 * with: this is done for every live event, and the codec makes an object of the identity that nobody asks for, and a
 * string of the chain.
 */
export function decodeLiveRow(reader: BsatnReader): LiveRow {
  reader.skip(identityBytes);
  const stream_id = reader.readName();
  const epoch = reader.readName();
  const seq = reader.readU64();
  const kind = reader.readName();
  const payload = reader.readString();
  const inline = reader.readBool();
  const payload_hash = reader.readString() as PayloadHash;
  const idempotency_key = reader.readString();
  const committed_at = reader.readI64();
  reader.skipString(); // the chain: each reader extends its own, and compares it with the head's
  reader.finish();
  return { inline, event: { stream_id, epoch, seq, kind, payload, payload_hash, idempotency_key, committed_at } };
}

/** One row of stream_notice. */
export function decodeNotice(bytes: Uint8Array): { stream_id: string; notice: string; detail: string } {
  return decode(streamNotice, bytes);
}

/** One row of append_receipt. */
export function decodeReceipt(bytes: Uint8Array): {
  stream_id: string;
  idempotency_key: string;
  outcome: string;
  epoch: string;
  seq: bigint;
} {
  return decode(appendReceipt, bytes);
}

/** One row of transient_signal. */
export interface TransientSignal {
  readonly stream_id: string;
  readonly kind: string;
  readonly payload: string;
  /** Hex. */
  readonly sender: string;
}

/** One row of transient_signal. */
export function decodeTransient(bytes: Uint8Array): TransientSignal {
  const row = decode(transientSignal, bytes);
  return { stream_id: row.stream_id, kind: row.kind, payload: row.payload, sender: row.sender.toHexString() };
}

/** One row of bell. */
export function decodeBell(bytes: Uint8Array): { route: string; seq: bigint } {
  return decode(bell, bytes);
}
