/** The largest piece that rows share; a large row gets a piece of its own. Whoever keeps a row keeps its piece. */
const pieceBytes = 64 * 1024;
const large = pieceBytes / 4;
const nothing: DataView = new DataView(new ArrayBuffer(0));

interface Piece {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/**
 * Copies of rows, many in one piece of memory: an ArrayBuffer for each row costs more than everything else that is done
 * with it. What was written is never changed, so views of it stay true.
 *
 * Rows that are added one behind the other, from where they lie one behind the other, are copied together: not before
 * {@link RowMemory.settle}, which has to be called before any of them is read and before their source goes.
 */
export class RowMemory {
  readonly #pieces: Piece[] = [];
  /** The piece that small rows go into, and where it is filled to and ends. */
  #open = -1;
  #filled = 0;
  #end = 0;
  #written = 0;
  #expected = 0;
  /** What is still to be copied to the end of the open piece. */
  #source = nothing;
  #from = 0;
  #to = 0;

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

  /** Adds the row from `start` to before `end`. Returns its place. */
  add(source: DataView, start: number, end: number): number {
    const length = end - start;
    if (length > large) return this.#addLarge(source, start, length);
    if (this.#filled + length > this.#end || this.#open < 0) this.#openPiece(length);
    if (start !== this.#to || source !== this.#source) {
      this.settle();
      this.#source = source;
      this.#from = start;
    }
    this.#to = end;
    const offset = this.#filled;
    this.#filled = offset + length;
    this.#written += length;
    this.#expected -= length;
    return this.#open * pieceBytes + offset;
  }

  /** Copies what was added, and lets go of where it was. */
  settle(): void {
    const length = this.#to - this.#from;
    if (length > 0) {
      const rows = new Uint8Array(this.#source.buffer, this.#from, length);
      this.#at(this.#open).bytes.set(rows, this.#filled - length);
    }
    this.#source = nothing;
    this.#from = 0;
    this.#to = 0;
  }

  /** The row at a place, as a view that must not be written to. */
  row(place: number, length: number): Uint8Array {
    return new Uint8Array(this.viewOf(place).buffer, offsetOf(place), length);
  }

  /** The memory that a place is in. */
  viewOf(place: number): DataView {
    return this.#at(Math.floor(place / pieceBytes)).view;
  }

  #addLarge(source: DataView, start: number, length: number): number {
    const piece = pieceOf(length);
    piece.bytes.set(new Uint8Array(source.buffer, start, length));
    this.#written += length;
    this.#expected -= length;
    return (this.#pieces.push(piece) - 1) * pieceBytes;
  }

  /** As large as is known to be needed, or as much again as there is: small while there is little. */
  #openPiece(length: number): void {
    this.settle();
    const wanted = Math.min(pieceBytes, Math.max(length, this.#expected, this.#written));
    this.#open = this.#pieces.push(pieceOf(wanted)) - 1;
    this.#filled = 0;
    this.#end = wanted;
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
