import type { BinaryReader } from 'spacetimedb';

/** Length-prefixed bytes as a view. Checked here: the reader's own view may reach beyond the frame in a shared buffer. */
export function readBlob(reader: BinaryReader): Uint8Array {
  const length = reader.readU32();
  if (length > reader.remaining) throw new RangeError(`${length} bytes announced, ${reader.remaining} are left.`);
  return reader.readBytes(length);
}

/** An element count. Every element takes at least one byte, so a count beyond the rest is refused before any loop. */
export function readCount(reader: BinaryReader): number {
  const count = reader.readU32();
  if (count > reader.remaining)
    throw new RangeError(`${count} elements announced, ${reader.remaining} bytes are left.`);
  return count;
}

/** A BsatnRowList: the rows one by one, as views. */
export function readRowList(reader: BinaryReader): Uint8Array[] {
  const hint = reader.readU8();
  if (hint === 0) {
    const size = reader.readU16();
    return splitFixed(readBlob(reader), size);
  }
  if (hint !== 1) throw new RangeError(`Unknown row size hint ${hint}.`);
  const offsets: number[] = [];
  for (let left = readCount(reader); left > 0; left -= 1) offsets.push(Number(reader.readU64()));
  return splitAt(readBlob(reader), offsets);
}

function splitFixed(data: Uint8Array, size: number): Uint8Array[] {
  if (data.length === 0) return [];
  if (size === 0 || data.length % size !== 0) throw new RangeError(`${data.length} bytes do not hold rows of ${size}.`);
  const rows: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += size) rows.push(data.subarray(start, start + size));
  return rows;
}

function splitAt(data: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  return offsets.map((start, index) => {
    const end = offsets[index + 1] ?? data.length;
    if (start > end || end > data.length) throw new RangeError(`Row ${index} lies outside of its list.`);
    return data.subarray(start, end);
  });
}
