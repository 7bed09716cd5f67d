import { RowHash } from './row-hash.ts';
import { offsetOf, RowMemory } from './row-memory.ts';

const noEntry = -1;
/** In place of a count: the entry was removed, and only stands in the way until the next rebuilding. */
const removed = -1;
/** Rows that lie so far from where their hash puts them were made to do so. */
const longestProbe = 512;

/**
 * Rows of one table by their bytes, each with a count, in the order in which they came. An open hash table in typed
 * arrays: a Map would need a string of each row as its key and an object for its count, and whoever collects the garbage
 * would visit all of them again and again.
 *
 * An entry is a number; it is good until {@link reserve} is called.
 */
export class RowTable {
  #hash = new RowHash(false);
  #memory = new RowMemory();
  /** An entry + 1, or 0. At least twice as many as entries, and a power of two. */
  #slots = new Int32Array(0);
  #hashes = new Int32Array(0);
  #counts = new Int32Array(0);
  #places = new Float64Array(0);
  #lengths = new Int32Array(0);
  /** Entries that were made, removed ones included. */
  #made = 0;
  #size = 0;
  /** Of the rows that are there. */
  #bytes = 0;

  /** Rows that are there. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that are kept for the rows, those of rows that have gone included. */
  get memory(): number {
    return this.#memory.size;
  }

  /** Whether rows have come that were made to share one place. */
  get isDefended(): boolean {
    return this.#hash.strong;
  }

  /** Makes room for more rows. Entries from before are not good any more. */
  reserve(rows: readonly Uint8Array[]): void {
    if (this.#made + rows.length > this.#counts.length) this.#rebuild(rows.length);
    let bytes = 0;
    for (const row of rows) bytes += row.length;
    this.#memory.expect(bytes);
  }

  /** The entry of a row; negative when it is not there. */
  find(row: Uint8Array): number {
    return this.#size === 0 ? noEntry : this.#lookup(row, this.#hash.of(row));
  }

  /** The entry of a row, which is made with a count of 0 when it is not there. Room must have been {@link reserve}d. */
  add(row: Uint8Array): number {
    const weak = this.#hash;
    let hash = weak.of(row);
    const known = this.#lookup(row, hash);
    if (known >= 0) return known;
    if (this.#hash !== weak) hash = this.#hash.of(row);
    const entry = this.#made;
    if (entry >= this.#counts.length) throw new RangeError('No room was reserved for the row.');
    this.#made += 1;
    this.#size += 1;
    this.#bytes += row.length;
    this.#hashes[entry] = hash;
    this.#counts[entry] = 0;
    this.#places[entry] = this.#memory.add(row);
    this.#lengths[entry] = row.length;
    this.#link(entry, hash);
    return entry;
  }

  count(entry: number): number {
    return this.#counts[entry] ?? 0;
  }

  setCount(entry: number, count: number): void {
    this.#counts[entry] = count;
  }

  /** Takes a row out. Its entry and its bytes stay readable until the next {@link reserve}. */
  remove(entry: number): void {
    if (this.count(entry) === removed) return;
    this.#counts[entry] = removed;
    this.#size -= 1;
    this.#bytes -= this.#lengths[entry] ?? 0;
  }

  /** The bytes of an entry, as a view that must not be written to. */
  row(entry: number): Uint8Array {
    return this.#memory.row(this.#places[entry] ?? 0, this.#lengths[entry] ?? 0);
  }

  /** All rows, in the order in which they came. */
  rows(): Uint8Array[] {
    const rows: Uint8Array[] = [];
    for (let entry = 0; entry < this.#made; entry += 1) if (this.count(entry) !== removed) rows.push(this.row(entry));
    return rows;
  }

  /** Lets go of the frame that the last row was read from. */
  release(): void {
    this.#hash.release();
  }

  #lookup(row: Uint8Array, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask, probes = 0; ; slot = (slot + 1) & mask, probes += 1) {
      const entry = (this.#slots[slot] ?? 0) - 1;
      if (entry < 0) return noEntry;
      if (this.#hashes[entry] === hash && this.#holds(entry, row)) return entry;
      if (probes === longestProbe && !this.#hash.strong) return this.#defend(row);
    }
  }

  #holds(entry: number, row: Uint8Array): boolean {
    if (this.#lengths[entry] !== row.length || this.#counts[entry] === removed) return false;
    const place = this.#places[entry] ?? 0;
    return this.#hash.isAt(row, this.#memory.pieceOf(place).view, offsetOf(place));
  }

  /** Somebody makes rows that fall on one place: from now on by a hash that cannot be aimed. */
  #defend(row: Uint8Array): number {
    this.#hash = new RowHash(true);
    for (let entry = 0; entry < this.#made; entry += 1) this.#hashes[entry] = this.#hash.of(this.row(entry));
    this.#slots.fill(0);
    for (let entry = 0; entry < this.#made; entry += 1) this.#link(entry, this.#hashes[entry] ?? 0);
    return this.#lookup(row, this.#hash.of(row));
  }

  #link(entry: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = entry + 1;
  }

  /** Leaves removed entries out and makes room: as much again as there are rows, so that this is rare. */
  #rebuild(rows: number): void {
    const [hashes, counts, places, lengths] = [this.#hashes, this.#counts, this.#places, this.#lengths];
    const [made, before] = [this.#made, this.#memory];
    // Copied together when half of the memory is of rows that have gone.
    const copies = before.written > 2 * this.#bytes + 1;
    if (copies) this.#memory = new RowMemory();
    const room = Math.max(8, Math.ceil((this.#size + rows) * 1.5));
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(room * 2)));
    this.#hashes = new Int32Array(room);
    this.#counts = new Int32Array(room);
    this.#places = new Float64Array(room);
    this.#lengths = new Int32Array(room);
    this.#made = 0;
    for (let from = 0; from < made; from += 1) {
      if (counts[from] === removed) continue;
      const to = this.#made;
      const [place, length] = [places[from] ?? 0, lengths[from] ?? 0];
      this.#hashes[to] = hashes[from] ?? 0;
      this.#counts[to] = counts[from] ?? 0;
      this.#places[to] = copies ? this.#memory.add(before.row(place, length)) : place;
      this.#lengths[to] = length;
      this.#made += 1;
      this.#link(to, this.#hashes[to] ?? 0);
    }
  }
}
