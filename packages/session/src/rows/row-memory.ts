/** The largest piece that rows share; a large row gets a piece of its own. Whoever keeps a row keeps its piece. */
const pieceBytes = 64 * 1024;
const large = pieceBytes / 4;

interface Piece {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Copies of rows, many in one piece of memory: an ArrayBuffer for each row costs more than everything else that is done
 * with it. What was written is never changed, so views of it stay true.
 */
export class RowMemory {
  readonly #pieces: Piece[] = [];
  /** The piece that small rows go into, and where it is filled to and ends. */
  #open = -1;
  #filled = 0;
  #end = 0;
  #written = 0;
  #expected = 0;

  /** Bytes of all rows. */
  get written(): number {
    return this.#written;
  }

  /** Bytes that are kept, whether rows are in them or not. */
  get size(): number {
    let size = 0;
    for (const { bytes } of this.#pieces) size += bytes.length;
    return size;
  }

  /** Says how many bytes are to come, so that few rows take little memory. */
  expect(bytes: number): void {
    this.#expected = bytes;
  }

  /** Copies a row. Returns its place. */
  add(row: Uint8Array): number {
    const { length } = row;
    // As much as is known to come, or as much again as there is: small while there is little.
    const wanted = Math.min(pieceBytes, Math.max(length, this.#expected, this.#written));
    this.#written += length;
    this.#expected -= length;
    if (length > large) {
      const piece = pieceOf(length);
      piece.bytes.set(row);
      return (this.#pieces.push(piece) - 1) * pieceBytes;
    }
    if (this.#open < 0 || this.#filled + length > this.#end) {
      this.#open = this.#pieces.push(pieceOf(wanted)) - 1;
      this.#filled = 0;
      this.#end = wanted;
    }
    const offset = this.#filled;
    this.#at(this.#open).bytes.set(row, offset);
    this.#filled = offset + length;
    return this.#open * pieceBytes + offset;
  }

  /** The row at a place, as a view that must not be written to. */
  row(place: number, length: number): Uint8Array {
    const offset = offsetOf(place);
    return this.pieceOf(place).bytes.subarray(offset, offset + length);
  }

  /** The piece that a place is in. */
  pieceOf(place: number): Piece {
    return this.#at(Math.floor(place / pieceBytes));
  }

  #at(index: number): Piece {
    const piece = this.#pieces[index];
    if (piece === undefined) throw new RangeError(`There is no piece ${index}.`);
    return piece;
  }
}

/** Where a place lies in its piece. */
export function offsetOf(place: number): number {
  return place % pieceBytes;
}

function pieceOf(length: number): Piece {
  // Not filled with zeros: a place is read only after it was written.
  const { buffer } = Buffer.allocUnsafeSlow(length);
  return { bytes: new Uint8Array(buffer, 0, length), view: new DataView(buffer) };
}
