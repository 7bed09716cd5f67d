import { RawRows } from './row-list.ts';

/**
 * Rows that lie one behind the other in a frame, without an object for each of them: a view takes longer to make than
 * most of what is done with a row. Good for as long as the frame is.
 */
export class RowSlices extends RawRows {
  /** Over the memory that the rows lie in. */
  readonly view: DataView;
  readonly length: number;
  readonly #bounds: readonly number[];

  /** @param bounds Where each row begins in the memory, and where the last one ends: one more than there are rows. */
  constructor(view: DataView, bounds: readonly number[]) {
    super();
    this.length = bounds.length - 1;
    this.view = view;
    this.#bounds = bounds;
  }

  /** The rows of several lists one behind the other, in memory of their own. */
  static joined(...lists: readonly RowSlices[]): RowSlices {
    let size = 0;
    for (const rows of lists) size += rows.size;
    const bytes = new Uint8Array(size);
    const bounds = [0];
    let end = 0;
    for (const rows of lists) {
      const from = rows.startOf(0);
      bytes.set(new Uint8Array(rows.view.buffer, from, rows.size), end);
      for (let index = 0; index < rows.length; index += 1) bounds.push(end + rows.endOf(index) - from);
      end += rows.size;
    }
    return new RowSlices(new DataView(bytes.buffer), bounds);
  }

  /** Bytes of all rows. */
  get size(): number {
    return this.startOf(this.length) - this.startOf(0);
  }

  override startOf(index: number): number {
    return this.#bounds[index] ?? 0;
  }

  override endOf(index: number): number {
    return this.#bounds[index + 1] ?? 0;
  }

  override viewOf(): DataView {
    return this.view;
  }
}

/** Shared, since most lists of a transaction are empty. */
export const noSlices = new RowSlices(new DataView(new ArrayBuffer(0)), [0]);
