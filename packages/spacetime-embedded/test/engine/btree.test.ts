import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BTree } from '../../src/engine/btree.ts';
import { propertyRuns } from '../support/property-runs.ts';

const key = fc.integer({ min: 0, max: 400 }).map((value) => value.toString().padStart(4, '0'));
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), key, value: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, value: fc.constant(0) }) },
);

describe('BTree', () => {
  test('holds what a sorted map holds', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 900 }), key, key, (steps, from, to) => {
        const tree = new BTree<number>();
        const model = new Map<string, number>();
        // Compared at the end of a run: an expect at each step costs more than the tree does.
        const wrong: string[] = [];
        for (const { kind, key: at, value } of steps) {
          if (kind === 'set') {
            tree.set(at, value);
            model.set(at, value);
          } else if (tree.delete(at) !== model.delete(at)) {
            wrong.push(at);
          }
        }
        expect(wrong).toEqual([]);
        const sorted = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(tree.size).toBe(model.size);
        expect([...tree.range('', '\uffff')]).toEqual(sorted.map(([, value]) => value));
        expect([...tree.range(from, to)]).toEqual(
          sorted.filter(([at]) => at >= from && at < to).map(([, value]) => value),
        );
        expect(tree.first()?.key).toBe(sorted[0]?.[0]);
        expect(tree.get(from)).toBe(model.get(from));
      }),
      propertyRuns(),
    );
  });

  test.each([
    ['rising', (index: number) => index],
    ['falling', (index: number) => 20_000 - index],
    ['scattered', (index: number) => (index * 7919) % 20_011],
  ])('twenty thousand %s keys go in and out', (_, place) => {
    const tree = new BTree<number>();
    const keys = Array.from({ length: 20_000 }, (_, index) => place(index).toString().padStart(6, '0'));
    for (const [index, at] of keys.entries()) tree.set(at, index);
    expect(tree.size).toBe(20_000);
    const order = [...tree.range('', 'x')].map((index) => keys[index]);
    const sorted = [...keys].sort();
    expect(order).toHaveLength(sorted.length);
    expect(order.findIndex((at, index) => at !== sorted[index])).toBe(-1);
    for (const [index, at] of keys.entries()) if (index % 10 !== 0) tree.delete(at);
    expect([...tree.range('', 'x')]).toHaveLength(2_000);
    for (const at of keys) tree.delete(at);
    expect([tree.size, tree.first(), [...tree.range('', 'x')].length]).toEqual([0, undefined, 0]);
  });
});
