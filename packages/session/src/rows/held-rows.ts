import { RawRows } from '../wire/row-list.ts';
import { offsetOf, type RowMemory } from './row-memory.ts';

/**
 * Rows that a table has just taken in. Whoever keeps the list keeps the memory of the table as it was; whoever keeps a
 * row keeps the piece of memory that it is in.
 */
export class HeldRows extends RawRows {
  readonly length: number;
  readonly #memory: RowMemory;
  readonly #places: Float64Array;
  readonly #lengths: Int32Array;

  readonly #from: number;

  /** The arrays are not copied: what they hold of these rows must not change. */
  constructor(memory: RowMemory, places: Float64Array, lengths: Int32Array, from: number, length: number) {
    super();
    this.length = length;
    this.#memory = memory;
    this.#places = places;
    this.#lengths = lengths;
    this.#from = from;
  }

  override viewOf(index: number): DataView {
    return this.#memory.viewOf(this.#places[this.#from + index] ?? 0);
  }

  override startOf(index: number): number {
    return offsetOf(this.#places[this.#from + index] ?? 0);
  }

  override endOf(index: number): number {
    return this.startOf(index) + (this.#lengths[this.#from + index] ?? 0);
  }
}
