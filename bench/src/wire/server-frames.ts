import { BinaryWriter } from 'spacetimedb';
import type { Rows } from './rows.ts';

/** A frame of protocol v3 with one message: no compression, then what `fill` writes. */
function frame(size: number, fill: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter(size + 256);
  writer.writeU8(0);
  fill(writer);
  // A copy, as long as the frame: a socket hands over no room behind it.
  return writer.getBuffer().slice();
}

export function initialConnection(): Uint8Array {
  return frame(64, (writer) => {
    writer.writeU8(0);
    writer.writeU256(1n);
    writer.writeU128(2n);
    writer.writeString('');
  });
}

/** The answer to a subscription: all of `rows` in one table, or no table at all. */
export function subscribeApplied(requestId: number, querySetId: number, table: string, rows?: Rows): Uint8Array {
  return frame(rows === undefined ? 32 : sizeOf(rows, 0, rows.count), (writer) => {
    writer.writeU8(1);
    writer.writeU32(requestId);
    writer.writeU32(querySetId);
    writer.writeU32(rows === undefined ? 0 : 1);
    if (rows === undefined) return;
    writer.writeString(table);
    writeRowList(writer, rows, 0, rows.count);
  });
}

/** One transaction that adds `rows` from `from` to before `to`: kept ones, or those of an event table. */
function transactionUpdate(
  querySetId: number,
  table: string,
  kind: 'kept' | 'event',
  { rows, from, to }: { readonly rows: Rows; readonly from: number; readonly to: number },
): Uint8Array {
  return frame(sizeOf(rows, from, to), (writer) => {
    writer.writeU8(4);
    writer.writeU32(1);
    writer.writeU32(querySetId);
    writer.writeU32(1);
    writer.writeString(table);
    writer.writeU32(1);
    writer.writeU8(kind === 'kept' ? 0 : 1);
    writeRowList(writer, rows, from, to);
    if (kind === 'kept') writeRowList(writer, rows, 0, 0);
  });
}

/**
 * Rows in transactions of `batch` rows each.
 *
 * @param querySetOf The query set that the row at an index comes with, and all others of its transaction.
 */
export function transactionUpdates(
  querySetOf: (index: number) => number,
  table: string,
  kind: 'kept' | 'event',
  rows: Rows,
  batch: number,
): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let from = 0; from < rows.count; from += batch) {
    const to = Math.min(from + batch, rows.count);
    frames.push(transactionUpdate(querySetOf(from), table, kind, { rows, from, to }));
  }
  return frames;
}

/** What a page says of its stream, and its rows. */
export interface PageContent {
  readonly epoch: string;
  readonly head: bigint;
  readonly fanout: 'inbox' | 'public';
  /** Rows of a page, from `from` to before `to`. */
  readonly rows: { readonly rows: Rows; readonly from: number; readonly to: number } | undefined;
  readonly more: boolean;
}

/** The answer of open_stream or read_page; see {@link setRequestId}. */
export function pageAnswer({ epoch, head, fanout, rows, more }: PageContent): Uint8Array {
  const page = new BinaryWriter(256);
  page.writeString('ok');
  page.writeString(epoch);
  page.writeU64(head);
  page.writeString('');
  page.writeU64(1n);
  page.writeString('');
  page.writeString(fanout);
  page.writeString(fanout === 'public' ? 'route' : '');
  page.writeU32(rows === undefined ? 0 : rows.to - rows.from);
  if (rows !== undefined) {
    const { bytes, offsets } = rows.rows;
    page.writeBytes(bytes.subarray(offsets[rows.from], offsets[rows.to]));
  }
  page.writeBool(more);
  return procedureAnswer(page);
}

/** The answer of read_heads for one stream, of which nothing new is told; see {@link setRequestId}. */
export function headsAnswer(streamId: string, epoch: string): Uint8Array {
  const heads = new BinaryWriter(128);
  heads.writeU32(1);
  heads.writeString(streamId);
  heads.writeString(epoch);
  heads.writeU64(0n);
  heads.writeString('');
  return procedureAnswer(heads);
}

function procedureAnswer(value: BinaryWriter): Uint8Array {
  return frame(value.offset + 64, (writer) => {
    writer.writeU8(7);
    writer.writeU8(0);
    writer.writeUInt8Array(value.getBuffer());
    writer.writeI64(0n);
    writer.writeI64(0n);
    writer.writeU32(0);
  });
}

/** Makes a frame of {@link pageAnswer} or {@link headsAnswer} the answer to a request: its id stands at the end. */
export function setRequestId(answer: Uint8Array, requestId: number): Uint8Array {
  new DataView(answer.buffer, answer.byteOffset, answer.length).setUint32(answer.length - 4, requestId, true);
  return answer;
}

function sizeOf(rows: Rows, from: number, to: number): number {
  return (rows.offsets[to] ?? 0) - (rows.offsets[from] ?? 0) + 8 * (to - from);
}

function writeRowList(writer: BinaryWriter, { offsets, bytes }: Rows, from: number, to: number): void {
  const start = offsets[from] ?? 0;
  writer.writeU8(1);
  writer.writeU32(to - from);
  for (let at = from; at < to; at += 1) writer.writeU64(BigInt((offsets[at] ?? 0) - start));
  writer.writeUInt8Array(bytes.subarray(start, offsets[to]));
}
