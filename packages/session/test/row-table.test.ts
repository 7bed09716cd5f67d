import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RowBag } from '../src/rows/row-bag.ts';
import { RowTable } from '../src/rows/row-table.ts';
import type { RowList } from '../src/wire/row-list.ts';
import { noSlices, RowSlices } from '../src/wire/row-slices.ts';
import type { TableUpdate } from '../src/wire/server-message.ts';
import { slicesOf } from './support/row-slices.ts';

const { imul } = Math;
const text = (row: Uint8Array) => Buffer.from(row).toString('latin1');
const texts = (rows: RowList<Uint8Array>) => rows.map(text);

/** What a bag is, without being fast: counts by text, in the order in which rows have come. */
class PlainBag {
  readonly counts = new Map<string, number>();

  fill(rows: readonly string[]): void {
    for (const row of rows) this.counts.set(row, (this.counts.get(row) ?? 0) + 1);
  }

  apply(inserts: readonly string[], deletes: readonly string[]) {
    const before = new Set(this.counts.keys());
    this.fill(inserts);
    for (const row of deletes) this.counts.set(row, Math.max(0, (this.counts.get(row) ?? 0) - 1));
    for (const [row, count] of [...this.counts]) if (count === 0) this.counts.delete(row);
    const named = [...new Set([...inserts, ...deletes])];
    return {
      inserts: named.filter((row) => !before.has(row) && this.counts.has(row)),
      deletes: named.filter((row) => before.has(row) && !this.counts.has(row)),
    };
  }
}

// Few short rows, so that they meet; and some of every length up to more than a shared piece of memory takes.
const row = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[ab]{0,3}$/) },
  { weight: 4, arbitrary: fc.nat({ max: 200 }).map((length) => 'z'.repeat(length)) },
  { weight: 1, arbitrary: fc.constantFrom(16_384, 16_385, 70_000).map((length) => 'y'.repeat(length)) },
);
const rows = fc.array(row, { maxLength: 12 });
const step = fc.record({ inserts: rows, deletes: rows });

/** Rows in one frame, at no particular place in it. */
function inFrame(each: readonly string[]): RowSlices {
  return slicesOf(each.map((value) => Buffer.from(value, 'latin1')));
}

/** Adds rows to a table that has room for them. Returns their entries. */
function add(table: RowTable, rows: readonly Uint8Array[]): number[] {
  const slices = slicesOf(rows);
  const entries = rows.map((_, at) => table.add(slices.view, slices.startOf(at), slices.endOf(at)));
  table.settle();
  return entries;
}

function find(table: RowTable, row: Uint8Array): number {
  return table.find(new DataView(row.buffer), row.byteOffset, row.byteOffset + row.byteLength);
}

function update(inserts: readonly string[], deletes: readonly string[]): TableUpdate {
  return { table: 't', inserts: inFrame(inserts), deletes: inFrame(deletes), events: noSlices };
}

describe('RowBag', () => {
  test('I15: tells and keeps what counting by hand does, over any sequence of transactions', () => {
    fc.assert(
      fc.property(rows, fc.array(step, { maxLength: 30 }), (first, steps) => {
        const [bag, plain] = [new RowBag(), new PlainBag()];
        bag.fill([{ table: 't', rows: inFrame(first) }]);
        plain.fill(first);
        for (const { inserts, deletes } of steps) {
          const [change] = bag.apply([update(inserts, deletes)]);
          const told = { inserts: texts(change?.inserts ?? []), deletes: texts(change?.deletes ?? []) };
          expect(told).toEqual(plain.apply(inserts, deletes));
          expect(texts(bag.rows('t'))).toEqual([...plain.counts.keys()]);
        }
      }),
    );
  });

  test('rows that were handed out stay what they were while the bag goes on', () => {
    const bag = new RowBag();
    bag.fill([{ table: 't', rows: inFrame(['first']) }]);
    const [kept] = bag.rows('t');
    for (let n = 0; n < 2_000; n += 1) bag.apply([update([`row ${n}`], n === 0 ? ['first'] : [`row ${n - 1}`])]);
    expect(text(kept ?? new Uint8Array())).toBe('first');
    expect(texts(bag.rows('t'))).toEqual(['row 1999']);
  });

  test('events are handed out without their frame', () => {
    const frame = new Uint8Array(1_000_000).fill(7);
    const events = new RowSlices(new DataView(frame.buffer), [10, 12, 13]);
    const [change] = new RowBag().apply([{ table: 't', inserts: noSlices, deletes: noSlices, events }]);
    expect(change?.events.map((each) => [...each])).toEqual([[7, 7], [7]]);
    expect(change?.events.at(0)?.buffer.byteLength).toBe(3);
  });
});

describe('RowTable', () => {
  test('rows that were made to share one hash get another one, and are told apart before and after', () => {
    // One block of MurmurHash3 maps one to one, so the second word can undo what the first one did.
    const colliding = Array.from({ length: 600 }, (_, n) => collidingRow(n));
    const table = new RowTable();
    table.reserve(600, 0);
    for (const entry of add(table, colliding.slice(0, 500))) table.setCount(entry, 1);
    expect(table.isDefended).toBe(false);
    for (const entry of add(table, colliding.slice(500))) table.setCount(entry, 2);
    expect(table.isDefended).toBe(true);
    expect(table.size).toBe(600);
    expect(colliding.map((each) => table.count(find(table, each)))).toEqual(colliding.map((_, n) => (n < 500 ? 1 : 2)));
    expect(table.rows()).toEqual(colliding);
  });

  test('ordinary rows do not get the other hash', () => {
    const plain = Array.from({ length: 50_000 }, (_, n) => new Uint8Array(Int32Array.of(n, 0, n * 7).buffer));
    const table = new RowTable();
    table.reserve(plain.length, 0);
    for (const entry of add(table, plain)) table.setCount(entry, 1);
    expect([table.size, table.isDefended]).toEqual([50_000, false]);
  });

  test('the memory of rows that have gone is given back', () => {
    const table = new RowTable();
    const large = (n: number) => Buffer.from(`${n}`.padStart(1_000, '.'));
    for (let n = 0; n < 5_000; n += 1) {
      const next = large(n);
      table.reserve(1, next.length);
      for (const entry of add(table, [next])) table.setCount(entry, 1);
      if (n > 0) table.remove(find(table, large(n - 1)));
      // However many have gone through it: the piece that is being filled, and the rows since the last rebuilding.
      expect(table.memory).toBeLessThanOrEqual(2 * 64 * 1024);
    }
    expect(texts(table.rows())).toEqual([text(large(4_999))]);
  });

  test('adding without room is refused and changes nothing', () => {
    const table = new RowTable();
    expect(() => add(table, [new Uint8Array([1])])).toThrow(RangeError);
    expect([table.size, table.rows()]).toEqual([0, []]);
  });
});

/** Eight bytes with the same hash for every `n`. */
function collidingRow(n: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setInt32(0, n, true);
  const state = imul(rotated(scrambled(n), 13), 5) + 0xe6546b64;
  view.setInt32(4, unscrambled(state | 0), true);
  return new Uint8Array(view.buffer);
}

function scrambled(word: number): number {
  return imul(rotated(imul(word, 0xcc9e2d51), 15), 0x1b873593);
}

/** The word that is scrambled to `value`. */
function unscrambled(value: number): number {
  return imul(rotated(imul(value, inverse(0x1b873593)), 17), inverse(0xcc9e2d51));
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** Of an odd number, modulo 2^32, by Newton's steps. */
function inverse(odd: number): number {
  let result = odd;
  for (let step = 0; step < 5; step += 1) result = imul(result, 2 - imul(odd, result));
  return result;
}
