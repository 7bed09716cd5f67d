import type { BinaryWriter } from 'spacetimedb';

/** Rows as their BSATN bytes. */
export type RowBytes = readonly Uint8Array[];

/** A BsatnRowList before it is written. */
interface Layout {
  /** The one length of all rows, when they have one that a FixedSize list can say. */
  readonly fixed: number | undefined;
  /** Bytes of all rows. */
  readonly total: number;
}

function layoutOf(rows: RowBytes): Layout {
  const size = rows[0]?.length ?? 0;
  let isFixed = size > 0 && size <= 0xffff;
  let total = 0;
  for (const row of rows) {
    total += row.length;
    isFixed &&= row.length === size;
  }
  return { fixed: isFixed ? size : undefined, total };
}

/** Bytes that {@link writeRowList} writes. */
export function rowListBytes(rows: RowBytes): number {
  const { fixed, total } = layoutOf(rows);
  return 1 + (fixed === undefined ? 4 + 8 * rows.length : 2) + 4 + total;
}

/** Writes a BsatnRowList: FixedSize when all rows have one non-zero length that fits a u16, RowOffsets otherwise. */
export function writeRowList(writer: BinaryWriter, rows: RowBytes): void {
  const { fixed, total } = layoutOf(rows);
  if (fixed !== undefined) {
    writer.writeU8(0);
    writer.writeU16(fixed);
  } else {
    writer.writeU8(1);
    writer.writeU32(rows.length);
    let offset = 0;
    for (const row of rows) {
      // Two halves: a bigint for each row would cost more than the row.
      writer.writeU32(offset % 2 ** 32);
      writer.writeU32(Math.floor(offset / 2 ** 32));
      offset += row.length;
    }
  }
  writer.writeU32(total);
  writer.expandBuffer(total);
  const target = new Uint8Array(writer.buffer.buffer, writer.offset, total);
  let at = 0;
  for (const row of rows) {
    target.set(row, at);
    at += row.length;
  }
  writer.offset += total;
}
