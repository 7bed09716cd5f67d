import type { MessageReader } from './message-reader.ts';

const twoTo32 = 2 ** 32;

/** Length-prefixed bytes as a view. Checked here: the reader's own view may reach beyond the frame in a shared buffer. */
export function readBlob(reader: MessageReader): Uint8Array {
  const length = reader.readU32();
  if (length > reader.remaining) throw new RangeError(`${length} bytes announced, ${reader.remaining} are left.`);
  return reader.readBytes(length);
}

/** An element count. Every element takes at least one byte, so a count beyond the rest is refused before any loop. */
export function readCount(reader: Pick<MessageReader, 'readU32' | 'remaining'>): number {
  const count = reader.readU32();
  if (count > reader.remaining)
    throw new RangeError(`${count} elements announced, ${reader.remaining} bytes are left.`);
  return count;
}

/** A BsatnRowList: the rows one by one, as views. */
export function readRowList(reader: MessageReader): Uint8Array[] {
  const hint = reader.readU8();
  if (hint === 0) {
    const size = reader.readU16();
    return splitFixed(readBlob(reader), size);
  }
  if (hint !== 1) throw new RangeError(`Unknown row size hint ${hint}.`);
  const count = readCount(reader);
  if (count * 8 > reader.remaining) throw new RangeError(`${count} offsets announced, ${reader.remaining} bytes left.`);
  const offsets = reader.readBytes(count * 8);
  return splitAt(readBlob(reader), offsets, count);
}

function splitFixed(data: Uint8Array, size: number): Uint8Array[] {
  if (data.length === 0) return [];
  if (size === 0 || data.length % size !== 0) throw new RangeError(`${data.length} bytes do not hold rows of ${size}.`);
  const rows: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += size) rows.push(data.subarray(start, start + size));
  return rows;
}

function splitAt(data: Uint8Array, offsets: Uint8Array, count: number): Uint8Array[] {
  const rows: Uint8Array[] = [];
  let start = count === 0 ? 0 : offsetAt(offsets, 0);
  for (let index = 0; index < count; index += 1) {
    const end = index + 1 < count ? offsetAt(offsets, index + 1) : data.length;
    if (start > end || end > data.length) throw new RangeError(`Row ${index} lies outside of its list.`);
    rows.push(data.subarray(start, end));
    start = end;
  }
  return rows;
}

/** A u64 out of its bytes, without making a bigint of it. Beyond 2^53 it is not exact, but beyond every frame as well. */
function offsetAt(offsets: Uint8Array, index: number): number {
  return wordAt(offsets, index * 8) + wordAt(offsets, index * 8 + 4) * twoTo32;
}

function wordAt(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  return (low | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
}
