import { RowSlices } from '../../src/wire/row-slices.ts';

/** Rows one behind the other in one frame, which begins before them. */
export function slicesOf(rows: readonly Uint8Array[]): RowSlices {
  const frame = new Uint8Array(Buffer.concat([Buffer.from('.'), ...rows]));
  const bounds = [1];
  for (const row of rows) bounds.push((bounds.at(-1) ?? 0) + row.length);
  return new RowSlices(new DataView(frame.buffer), bounds);
}
