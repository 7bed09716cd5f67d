import { describe, expect, test } from '@jest/globals';
import { CheckpointError, type CheckpointStore, compact } from '../src/index.ts';
import { memoryCheckpoints } from '../src/memory.ts';
import { clock, codeOf, nextChange, scope, streamId, withStore } from './support.ts';

const other = 'runtime.run.43.events';

const places: readonly (readonly [string, (body: (store: CheckpointStore) => Promise<void>) => Promise<void>])[] = [
  ['the SQLite store', (body) => withStore(body)],
  ['the store in memory', (body) => body(memoryCheckpoints({ clock }).open(scope))],
];

describe.each(places)('compact on %s', (_name, withIt) => {
  test('I26 a step is bounded, and steps come to an end at what is kept of each stream', async () => {
    await withIt(async (store) => {
      store.commit([nextChange(store, 20)]);
      store.resetStream(streamId, { epoch: nextChange(store, 1).epoch, seq: 20n, chain: 'c', reason: 'test' });
      store.resetStream(streamId, { epoch: nextChange(store, 1).epoch, seq: 20n, chain: 'c', reason: 'test' });
      store.commit([nextChange(store, 30), nextChange(store, 12, 0, other)]);
      const removed: number[] = [];
      for (let more = true; more; ) {
        const report = compact(store, { keep: 5n, limit: 8, pages: 100 });
        expect(report.removed_events).toBeLessThanOrEqual(8);
        expect(report.damaged).toEqual([]);
        removed.push(report.removed_events);
        more = report.more;
      }
      expect(removed.reduce((sum, one) => sum + one, 0)).toBe(20 + 25 + 7);
      for (const id of [streamId, other]) expect(store.verify(id)).toEqual({ outcome: 'consistent', events: 5 });
      expect(compact(store, { keep: 5n, limit: 8, pages: 100 })).toMatchObject({ removed_events: 0, more: false });
      expect(compact(store, { keep: 0n, limit: 100, pages: 100 })).toMatchObject({ removed_events: 10 });
    });
  });

  test('I26 a step uses up what it may: from one replaced state after the other, then from the streams', async () => {
    await withIt(async (store) => {
      const { epoch } = nextChange(store, 1);
      for (const count of [1, 1, 2]) {
        store.commit([nextChange(store, count)]);
        const { seq } = store.load(streamId) ?? { seq: 0n };
        store.resetStream(streamId, { epoch, seq, chain: 'c', reason: 'test' });
      }
      store.commit([nextChange(store, 9)]);
      const bounds = { keep: 2n, limit: 3, pages: 100 };
      const base = () => store.load(streamId)?.base_seq;
      const steps = [1, 2, 3, 4, 5].map(() => [compact(store, bounds).removed_events, base()]);
      expect(steps).toEqual([
        [3, 4n],
        [3, 6n],
        [3, 9n],
        [2, 11n],
        [0, 11n],
      ]);
      expect(store.verify(streamId)).toEqual({ outcome: 'consistent', events: 2 });
    });
  });

  test('I22 a damaged stream is named and left, and the others are cut', async () => {
    await withIt(async (store) => {
      const { events, ...change } = nextChange(store, 10);
      store.commit([{ ...change, events: events.map((one) => ({ ...one, payload: '{}' })) }]);
      store.commit([nextChange(store, 10, 0, other)]);
      expect(compact(store, { keep: 2n, limit: 100, pages: 100 })).toMatchObject({
        removed_events: 8,
        damaged: [streamId],
        more: false,
      });
      expect(store.load(streamId)?.base_seq).toBe(0n);
      expect(store.verify(other)).toEqual({ outcome: 'consistent', events: 2 });
    });
  });

  test('I26 what is no bound is refused, and what the store throws is passed on', async () => {
    await withIt(async (store) => {
      const fine = { keep: 1n, limit: 10, pages: 10 };
      for (const part of [{ keep: -1n }, { limit: 0 }, { limit: Number.NaN }, { pages: 0.5 }]) {
        expect(await codeOf(() => compact(store, { ...fine, ...part }))).toBe('invalid_option');
      }
      await store.close();
      expect(await codeOf(() => compact(store, fine))).toBe('closed');
    });
  });

  test('I26 with refused bounds nothing is removed, and what is kept may be more than there is', async () => {
    await withIt(async (store) => {
      store.commit([nextChange(store, 10)]);
      expect(await codeOf(() => compact(store, { keep: 1n, limit: 10, pages: 0 }))).toBe('invalid_option');
      expect(compact(store, { keep: 11n, limit: 10, pages: 10 })).toMatchObject({ removed_events: 0, damaged: [] });
      expect(store.load(streamId)?.base_seq).toBe(0n);
    });
  });
});

/** A store in memory with some answers of its own. */
function storeThat(answers: Partial<CheckpointStore>): CheckpointStore {
  const store = memoryCheckpoints({ clock }).open(scope);
  store.commit([nextChange(store, 10), nextChange(store, 10, 0, other)]);
  return new Proxy(store, {
    get: (target, key) => {
      const found = Reflect.get(answers, key) ?? Reflect.get(target, key);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

describe('compact', () => {
  test.each([
    [0, 0, false],
    [1, 0, false],
    [0, 5, false],
    [1, 1, true],
    [7, 5, true],
  ])('I26 with %d pages given back and %d left there is more to do: %s', (freed_pages, free_pages, more) => {
    const store = storeThat({ reclaim: () => ({ freed_pages, free_pages }) });
    const bounds = { keep: 20n, limit: 5, pages: 5 };
    expect(compact(store, bounds)).toEqual({ removed_events: 0, freed_pages, more, damaged: [] });
  });

  test('I26 what fails otherwise is passed on', async () => {
    const bounds = { keep: 1n, limit: 5, pages: 5 };
    const failing = (error: unknown) =>
      storeThat({
        trim: () => {
          throw error;
        },
      });
    const full = new CheckpointError('disk_full', 'no room');
    expect(() => compact(failing(full), bounds)).toThrow(full);
    const odd = Object.assign(new Error('of something else'), { code: 'damaged' });
    expect(() => compact(failing(odd), bounds)).toThrow(odd);
    const damaged = new CheckpointError('damaged', 'not the chain');
    expect(compact(failing(damaged), bounds)).toMatchObject({ removed_events: 0, damaged: [streamId, other] });
  });
});
