import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkpointConformance, type TestRunner } from '../src/conformance.ts';
import type { CheckpointStore } from '../src/index.ts';
import { makeFolder, open, removeFolder, scope } from './support.ts';

async function makeStore(breakIt: (store: CheckpointStore) => CheckpointStore = (store) => store) {
  const folder = makeFolder();
  return {
    open: async (account: string) =>
      breakIt(await open(path.join(folder, 'sync.sqlite'), { scope: { ...scope, account } })),
    dispose: async () => removeFolder(folder),
  };
}

checkpointConformance({ describe, test, expect }, 'the SQLite store', () => makeStore());

/** A store with some methods of its own. */
function instead(store: CheckpointStore, methods: Partial<CheckpointStore>): CheckpointStore {
  return new Proxy(store, {
    get: (target, key) => {
      const own = Reflect.get(methods, key) ?? Reflect.get(target, key);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

const broken: Record<string, { readonly id: string; readonly breakIt: (store: CheckpointStore) => CheckpointStore }> = {
  'commits change by change': {
    id: 'I1',
    breakIt: (store) =>
      instead(store, {
        commit: (changes) => {
          for (const change of changes) store.commit([change]);
          return { changes };
        },
      }),
  },
  'takes a commit from any position': {
    id: 'I2',
    breakIt: (store) =>
      instead(store, {
        commit: (changes) => {
          try {
            return store.commit(changes);
          } catch {
            return { changes };
          }
        },
      }),
  },
  'tells before it stores': {
    id: 'I4',
    breakIt: (store) => {
      const listeners: ((commit: { changes: Parameters<CheckpointStore['commit']>[0] }) => void)[] = [];
      return instead(store, {
        onCommitted: (listener) => {
          listeners.push(listener);
          return () => void listeners.splice(listeners.indexOf(listener), 1);
        },
        commit: (changes) => {
          for (const listener of listeners) listener({ changes });
          return store.commit(changes);
        },
      });
    },
  },
  'keeps no audit of resets': { id: 'I7', breakIt: (store) => instead(store, { resets: () => [] }) },
  'rounds sequences': {
    id: 'I14',
    breakIt: (store) =>
      instead(store, {
        load: (id) => {
          const stored = store.load(id);
          return stored && { ...stored, seq: BigInt(Number(stored.seq)) };
        },
      }),
  },
  'forgets effects': { id: 'I17', breakIt: (store) => instead(store, { effects: () => [] }) },
};

describe('the conformance suite', () => {
  test.each(Object.entries(broken))('I20 finds a store that %s', async (_name, { id, breakIt }) => {
    const failed: string[] = [];
    const bodies: (() => Promise<void>)[] = [];
    const runner: TestRunner = {
      describe: (_title, body) => body(),
      test: (title, body) => {
        // Only the tests of the broken invariant: the others cost time and prove nothing.
        if (title.startsWith(`${id} `)) bodies.push(() => body().catch(() => void failed.push(title)));
      },
      expect,
    };
    checkpointConformance(runner, 'a broken store', () => makeStore(breakIt));
    for (const body of bodies) await body();
    expect(failed).not.toEqual([]);
  });
});
