import { BinaryWriter } from 'spacetimedb';
import type { ChainedEvent } from './events.ts';

/** Rows one after the other, as BSATN. */
export interface Rows {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Where each row begins, and where the last one ends. */
  readonly offsets: Float64Array;
}

type WriteRow = (writer: BinaryWriter, event: ChainedEvent) => void;

/** A row of a table that keeps a log: stream_id, seq, kind, payload, payload_hash, idempotency_key, committed_at. */
export const writeLogRow: WriteRow = (writer, event) => {
  writer.writeString(event.stream_id);
  writer.writeU64(event.seq);
  writer.writeString(event.kind);
  writer.writeString(event.payload);
  writer.writeString(event.payload_hash);
  writer.writeString(event.idempotency_key);
  writer.writeI64(event.committed_at);
};

/** A row of live_inbox of the module autopilot-sync. */
export const writeLiveRow: WriteRow = (writer, event) => {
  writer.writeU256(5n);
  writer.writeString(event.stream_id);
  writer.writeString(event.epoch);
  writer.writeU64(event.seq);
  writer.writeString(event.kind);
  writer.writeString(event.payload);
  writer.writeBool(true);
  writer.writeString(event.payload_hash);
  writer.writeString(event.idempotency_key);
  writer.writeI64(event.committed_at);
  writer.writeString(event.chain);
};

/** A row of a page of the module autopilot-sync. */
export const writePageRow: WriteRow = (writer, event) => {
  writer.writeU64(event.seq);
  writer.writeString(event.kind);
  writer.writeString(event.payload);
  writer.writeString(event.payload_hash);
  writer.writeString(event.idempotency_key);
  writer.writeI64(event.committed_at);
};

/** Sequences of one segment of a public stream, as the module has it. */
export const segmentLength = 256;

/** A row of public_event of the module autopilot-sync. */
export const writePublicRow: WriteRow = (writer, event) => {
  writer.writeString(`route:${(event.seq - 1n) / BigInt(segmentLength)}`);
  writer.writeString(event.stream_id);
  writer.writeString(event.epoch);
  writer.writeU64(event.seq);
  writer.writeString(event.kind);
  writer.writeString(event.payload);
  writer.writeBool(true);
  writer.writeString(event.payload_hash);
  writer.writeString(event.idempotency_key);
  writer.writeI64(event.committed_at);
  writer.writeString(event.chain);
};

export function encodeRows(events: Iterable<ChainedEvent>, count: number, write: WriteRow): Rows {
  const writer = new BinaryWriter(1024 * 1024);
  const offsets = new Float64Array(count + 1);
  let at = 0;
  for (const event of events) {
    offsets[at] = writer.offset;
    write(writer, event);
    at += 1;
  }
  offsets[at] = writer.offset;
  if (at !== count) throw new Error(`${at} events were made instead of ${count}.`);
  return { count, bytes: writer.getBuffer(), offsets };
}
