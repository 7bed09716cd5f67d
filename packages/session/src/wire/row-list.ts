/** Rows in their order. An array is one; raw rows are read from where they are kept when they are asked for. */
export interface RowList<Row> extends Iterable<Row> {
  readonly length: number;
  /** Undefined beyond the end. */
  at(index: number): Row | undefined;
  map<Result>(of: (row: Row, index: number) => Result): Result[];
}

/** Shared: most transactions change in one way only. Nobody adds to it. */
export const noRows: RowList<Uint8Array> = Object.freeze([]);

/** A list of raw rows, of which no view is made before it is asked for. */
export abstract class RawRows implements RowList<Uint8Array> {
  abstract readonly length: number;

  /** Over the memory that a row lies in. */
  abstract viewOf(index: number): DataView;

  /** Where a row begins in its memory. */
  abstract startOf(index: number): number;

  /** Where a row ends in its memory. */
  abstract endOf(index: number): number;

  at(index: number): Uint8Array | undefined {
    const place = index < 0 ? index + this.length : index;
    return place >= 0 && place < this.length ? this.#row(place) : undefined;
  }

  map<Result>(of: (row: Uint8Array, index: number) => Result): Result[] {
    const results: Result[] = [];
    for (let index = 0; index < this.length; index += 1) results.push(of(this.#row(index), index));
    return results;
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (let index = 0; index < this.length; index += 1) yield this.#row(index);
  }

  /** As a view, which must not be written to. */
  #row(index: number): Uint8Array {
    const start = this.startOf(index);
    return new Uint8Array(this.viewOf(index).buffer, start, this.endOf(index) - start);
  }
}
