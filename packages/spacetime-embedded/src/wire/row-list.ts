import type { BinaryWriter } from 'spacetimedb';

/** Rows as their BSATN bytes. */
export type RowBytes = readonly Uint8Array[];

/** Writes a BsatnRowList: FixedSize when all rows have one non-zero length that fits a u16, RowOffsets otherwise. */
export function writeRowList(writer: BinaryWriter, rows: RowBytes): void {
  const total = rows.reduce((sum, row) => sum + row.length, 0);
  const size = rows[0]?.length ?? 0;
  if (size > 0 && size <= 0xffff && rows.every((row) => row.length === size)) {
    writer.writeU8(0);
    writer.writeU16(size);
  } else {
    writer.writeU8(1);
    writer.writeU32(rows.length);
    let offset = 0;
    for (const row of rows) {
      writer.writeU64(BigInt(offset));
      offset += row.length;
    }
  }
  writer.writeU32(total);
  for (const row of rows) writer.writeBytes(row);
}
