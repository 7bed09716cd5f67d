import { HeldRows } from './held-rows.ts';
import { isSame, quickHash, type RowHash, strongHash } from './row-hash.ts';
import { offsetOf, RowMemory } from './row-memory.ts';

const noEntry = -1;
/** In place of a count: the entry was removed, and only stands in the way until the next rebuilding. */
const removed = -1;
/** In place of a slot: the rows were placed anew, by another hash. */
const badlyPlaced = -1;
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
  #hash: RowHash = quickHash;
  #memory = new RowMemory();
  /** For each slot a hash and an entry + 1, or 0: together, since they are read together. Slots are a power of two. */
  #slots = new Int32Array(0);
  #counts = new Int32Array(0);
  #places = new Float64Array(0);
  #lengths = new Int32Array(0);
  /** Entries that were made, removed ones included. */
  #made = 0;
  #size = 0;
  /** Of the rows that are there. */
  #bytes = 0;

  /** Entries that were made, removed ones included: the number of the next one. */
  get made(): number {
    return this.#made;
  }

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
    return this.#hash === strongHash;
  }

  /** Makes room for more rows, and for their bytes. Entries from before are not good any more. */
  reserve(rows: number, bytes: number): void {
    if (this.#made + rows > this.#counts.length) this.#rebuild(rows);
    this.#memory.expect(bytes);
  }

  /** The entry of the row from `start` to before `end`; negative when it is not there. */
  find(view: DataView, start: number, end: number): number {
    if (this.#size === 0) return noEntry;
    const hash = this.#hash(view, start, end);
    const slot = this.#probe(view, start, end, hash);
    // The first row that is asked for after a change of the hash.
    if (slot === badlyPlaced) return this.find(view, start, end);
    return (this.#slots[slot + 1] ?? 0) - 1;
  }

  /**
   * The entry of a row, which is made with a count of 0 when it is not there. Room must have been {@link reserve}d, and
   * {@link settle} be called before any row is read.
   */
  add(view: DataView, start: number, end: number): number {
    const entry = this.#made;
    if (entry >= this.#counts.length) throw new RangeError('No room was reserved for the row.');
    const hash = this.#hash(view, start, end);
    const slot = this.#probe(view, start, end, hash);
    if (slot === badlyPlaced) return this.add(view, start, end);
    const known = this.#slots[slot + 1] ?? 0;
    if (known > 0) return known - 1;
    this.#slots[slot] = hash;
    this.#slots[slot + 1] = entry + 1;
    this.#made = entry + 1;
    this.#size += 1;
    this.#bytes += end - start;
    this.#places[entry] = this.#memory.add(view, start, end);
    this.#lengths[entry] = end - start;
    return entry;
  }

  /** Copies the rows that were added, and lets go of where they were. */
  settle(): void {
    this.#memory.settle();
  }

  count(entry: number): number {
    return this.#counts[entry] ?? 0;
  }

  /** Counts one more. Returns what was counted before. */
  increment(entry: number): number {
    const count = this.#counts[entry] ?? 0;
    this.#counts[entry] = count + 1;
    return count;
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

  /** The rows of all entries from one on, none of which was removed. */
  from(entry: number): HeldRows {
    return new HeldRows(this.#memory, this.#places, this.#lengths, entry, this.#made - entry);
  }

  /** Goes through the rows, in the order in which they came, where they lie. */
  each(visit: (view: DataView, start: number, end: number, entry: number) => void): void {
    for (let entry = 0; entry < this.#made; entry += 1) {
      if (this.count(entry) === removed) continue;
      const place = this.#places[entry] ?? 0;
      const start = offsetOf(place);
      visit(this.#memory.viewOf(place), start, start + (this.#lengths[entry] ?? 0), entry);
    }
  }

  /** Where the slot of a row begins: its own, or the empty one that it would get. */
  #probe(view: DataView, start: number, end: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = (hash << 1) & mask, probes = 0; ; slot = (slot + 2) & mask, probes += 1) {
      const entry = (slots[slot + 1] ?? 0) - 1;
      if (entry < 0) return slot;
      if (slots[slot] === hash && this.#holds(entry, view, start, end)) return slot;
      if (probes === longestProbe && this.#hash !== strongHash) {
        this.#defend();
        return badlyPlaced;
      }
    }
  }

  #holds(entry: number, view: DataView, start: number, end: number): boolean {
    if (this.#lengths[entry] !== end - start || this.#counts[entry] === removed) return false;
    // It may have come just before, in the same list.
    this.#memory.settle();
    const place = this.#places[entry] ?? 0;
    return isSame(view, start, end, this.#memory.viewOf(place), offsetOf(place));
  }

  /** Somebody makes rows that fall on one place: from now on by a hash that cannot be aimed. */
  #defend(): void {
    this.#hash = strongHash;
    this.#memory.settle();
    this.#slots.fill(0);
    this.each((view, start, end, entry) => link(this.#slots, strongHash(view, start, end), entry));
  }

  /** Leaves removed entries out and makes room: as much again as there are rows, so that this is rare. */
  #rebuild(rows: number): void {
    this.#memory.settle();
    const needed = this.#size + rows;
    // What comes first is often all that ever comes; what grows after that grows further.
    const factor = this.#made === 0 ? 1.25 : needed < 8_192 ? 4 : 2;
    const room = Math.max(8, Math.ceil(needed * factor));
    const [counts, places, lengths, slots] = [this.#counts, this.#places, this.#lengths, this.#slots];
    // Others, not the same made longer: lists that were handed out read from the ones before.
    this.#counts = new Int32Array(room);
    this.#places = new Float64Array(room);
    this.#lengths = new Int32Array(room);
    this.#slots = new Int32Array(2 * 2 ** Math.ceil(Math.log2(room * 1.5)));
    const moved = this.#size < this.#made ? this.#leaveOut(counts, places, lengths) : undefined;
    if (moved === undefined) {
      this.#counts.set(counts.subarray(0, this.#made));
      this.#places.set(places.subarray(0, this.#made));
      this.#lengths.set(lengths.subarray(0, this.#made));
    }
    // In the order of the slots before, where neighbours become neighbours again.
    for (let slot = 0; slot < slots.length; slot += 2) {
      const before = (slots[slot + 1] ?? 0) - 1;
      if (before < 0) continue;
      const entry = moved === undefined ? before : (moved[before] ?? noEntry);
      if (entry >= 0) link(this.#slots, slots[slot] ?? 0, entry);
    }
  }

  /**
   * Removed entries go, and their memory too when it is more than half of all. Returns what became of each entry, negative
   * when it is gone.
   */
  #leaveOut(counts: Int32Array, places: Float64Array, lengths: Int32Array): Int32Array {
    const before = this.#memory;
    const copies = before.written > 2 * this.#bytes + 1;
    if (copies) this.#memory = new RowMemory();
    const moved = new Int32Array(this.#made).fill(noEntry);
    let to = 0;
    for (let from = 0; from < moved.length; from += 1) {
      const count = counts[from] ?? 0;
      if (count === removed) continue;
      const [place, length] = [places[from] ?? 0, lengths[from] ?? 0];
      const at = offsetOf(place);
      this.#counts[to] = count;
      this.#places[to] = copies ? this.#memory.add(before.viewOf(place), at, at + length) : place;
      this.#lengths[to] = length;
      moved[from] = to;
      to += 1;
    }
    this.#made = to;
    this.#memory.settle();
    return moved;
  }
}

function link(slots: Int32Array, hash: number, entry: number): void {
  const mask = slots.length - 1;
  let slot = (hash << 1) & mask;
  while (slots[slot + 1] !== 0) slot = (slot + 2) & mask;
  slots[slot] = hash;
  slots[slot + 1] = entry + 1;
}
