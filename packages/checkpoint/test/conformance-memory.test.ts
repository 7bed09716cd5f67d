import { describe, expect, test } from '@jest/globals';
import { checkpointConformance, type StoreUnderTest, type TestRunner } from '../src/conformance.ts';
import type { CheckpointStore, Commit, StreamChange } from '../src/index.ts';
import { memoryCheckpoints } from '../src/memory.ts';
import { clock, scope } from './support.ts';

async function memoryStore(breakIt: Break = (store) => store): Promise<StoreUnderTest> {
  const checkpoints = memoryCheckpoints({ clock });
  return {
    open: async (account, limits) => breakIt(checkpoints.open({ ...scope, account }, limits)),
    dispose: async () => undefined,
  };
}

checkpointConformance({ describe, test, expect }, 'the store in memory', () => memoryStore());

type Break = (store: CheckpointStore) => CheckpointStore;

/** A store with some methods of its own. */
function instead(methods: (store: CheckpointStore) => Partial<CheckpointStore>): Break {
  return (store) => {
    const own = methods(store);
    return new Proxy(store, {
      get: (target, key) => {
        const found = Reflect.get(own, key) ?? Reflect.get(target, key);
        return typeof found === 'function' ? found.bind(target) : found;
      },
    });
  };
}

/** One way to break each invariant that the suite is about. */
const broken: readonly (readonly [id: string, what: string, breakIt: Break])[] = [
  [
    'I1',
    'commits change by change',
    instead((store) => ({
      commit: (changes) => {
        for (const change of changes) store.commit([change]);
        return { changes };
      },
    })),
  ],
  ['I2', 'takes a commit from any position', instead((store) => ({ commit: ignoring(store) }))],
  [
    'I3',
    'reads pages from the wrong end',
    instead((store) => ({ events: (...of) => store.events(...of).toReversed() })),
  ],
  [
    'I4',
    'tells before it stores',
    instead((store) => {
      const listeners: ((commit: Commit) => void)[] = [];
      return {
        onCommitted: (listener) => {
          listeners.push(listener);
          return () => void listeners.splice(listeners.indexOf(listener), 1);
        },
        commit: (changes) => {
          for (const listener of listeners) listener({ changes });
          return store.commit(changes);
        },
      };
    }),
  ],
  [
    'I5',
    'lets a listener fail a commit',
    instead((store) => {
      const listeners: ((commit: Commit) => void)[] = [];
      return {
        onCommitted: (listener) => {
          listeners.push(listener);
          return () => undefined;
        },
        commit: (changes) => {
          const commit = store.commit(changes);
          for (const listener of listeners) listener(commit);
          return commit;
        },
      };
    }),
  ],
  ['I6', 'knows no keys', instead(() => ({ seqOf: () => undefined }))],
  ['I7', 'keeps no audit of resets', instead(() => ({ resets: () => [] }))],
  ['I8', 'shows everybody a quarantine', instead(() => ({ quarantined: () => [{} as never] }))],
  ['I10', 'is opened by everybody', (store) => everybodys(store)],
  [
    'I14',
    'rounds sequences',
    instead((store) => ({
      load: (id) => {
        const stored = store.load(id);
        return stored && { ...stored, seq: BigInt(Number(stored.seq)) };
      },
    })),
  ],
  [
    'I16',
    'takes events of one place for the same',
    instead((store) => ({
      quarantine: ({ event, ...record }) => store.quarantine({ ...record, event: { ...event, idempotency_key: 'x' } }),
    })),
  ],
  ['I17', 'forgets effects', instead(() => ({ effects: () => [] }))],
  ['I18', 'answers when it is closed', instead(() => ({ streams: () => [], close: async () => undefined }))],
  ['I19', 'verifies nothing', instead(() => ({ verify: () => ({ outcome: 'consistent', events: 2 }) }))],
  [
    'I21',
    'removes events and leaves the base',
    instead((store) => ({
      load: (id) => {
        const stored = store.load(id);
        return stored && { ...stored, base_chain: 'as before' };
      },
    })),
  ],
  [
    'I22',
    'removes what is damaged',
    instead((store) => ({
      trim: (id, options) => {
        try {
          return store.trim(id, options);
        } catch {
          return { removed: 0, base_seq: 0n, more: false };
        }
      },
    })),
  ],
  ['I23', 'counts nothing beyond its limit', instead(() => ({ overflows: () => [] }))],
  ['I24', 'keeps the first resets', instead((store) => ({ resets: (id) => store.resets(id).toReversed() }))],
  [
    'I25',
    'forgets that a stream has gaps',
    instead((store) => ({
      load: (id) => {
        const stored = store.load(id);
        return stored && { ...stored, contiguity: 'dense' };
      },
    })),
  ],
];

function ignoring(store: CheckpointStore): CheckpointStore['commit'] {
  return (changes: readonly StreamChange[]) => {
    try {
      return store.commit(changes);
    } catch {
      return { changes };
    }
  };
}

/** Frees its place at once, so that another one opens it. */
function everybodys(store: CheckpointStore): CheckpointStore {
  void store.close();
  return store;
}

/** The tests of the suite by the ids they are named by. */
function testsOf(make: () => Promise<StoreUnderTest>): { readonly id: string; readonly run: () => Promise<void> }[] {
  const tests: { id: string; run: () => Promise<void> }[] = [];
  const runner: TestRunner = {
    describe: (_title, body) => body(),
    test: (title, body) => void tests.push({ id: title.split(' ')[0] ?? '', run: body }),
    expect,
  };
  checkpointConformance(runner, 'a store', make);
  return tests;
}

describe('the conformance suite', () => {
  test('I20 is broken below in every invariant that it is about', () => {
    const ids = new Set(testsOf(() => memoryStore()).map(({ id }) => id));
    expect([...ids].toSorted()).toEqual([...new Set(broken.map(([id]) => id))].toSorted());
  });

  test.each(broken)('I20 finds by %s a store that %s', async (id, _what, breakIt) => {
    const failures: unknown[] = [];
    const tests = testsOf(() => memoryStore(breakIt)).filter((one) => one.id === id);
    for (const { run } of tests) await run().catch((error) => failures.push(error));
    expect(tests.length).toBeGreaterThan(0);
    expect(failures).not.toEqual([]);
  });
});
