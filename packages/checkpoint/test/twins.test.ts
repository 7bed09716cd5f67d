// The same calls on the store in memory and on the SQLite store: whoever tries a program on the one has tried it on both.
import path from 'node:path';
import { extendChain, genesisChain } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CheckpointStore, compact, type StreamChange } from '../src/index.ts';
import { memoryCheckpoints } from '../src/memory.ts';
import { codeOf, event, open, scope, withFolder } from './support.ts';

const names = ['runtime.a', 'runtime.b'] as const;
const accounts = ['alice', 'bob'] as const;
const limits = { quarantined_per_stream: 2, resets_per_stream: 2 };
const name = fc.constantFrom(...names);
const seq = fc.bigInt({ min: 0n, max: 12n });
const limit = fc.integer({ min: 1, max: 4 });

/** Steps are plain data, so that a failing run prints what it did. */
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('commit' as const),
      parts: fc.array(
        fc.record({
          name,
          /** How far each event lies beyond the one before: 1 is dense. */
          strides: fc.array(fc.constantFrom(1n, 1n, 1n, 2n), { maxLength: 4 }),
          gaps: fc.boolean(),
          off: fc.constantFrom(0n, 0n, 0n, 0n, 1n),
          key: fc.option(fc.integer({ min: 1, max: 9 }), { freq: 8 }),
          effects: fc.integer({ min: 0, max: 2 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('reset' as const),
      name,
      seq,
      gaps: fc.option(fc.boolean()),
    }),
  },
  {
    weight: 4,
    // Few different ones: that they come again is what counts.
    arbitrary: fc.record({
      type: fc.constant('quarantine' as const),
      name,
      seq: fc.bigInt({ min: 1n, max: 4n }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('clear' as const), name }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('settle' as const), id: fc.bigInt({ min: 0n, max: 6n }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('trim' as const), name, through: seq, limit }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('discard' as const), limit }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('compact' as const), keep: seq, limit }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const), account: fc.constantFrom(...accounts) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Commit = Extract<Step, { type: 'commit' }>;

function changesOf(store: CheckpointStore, { parts }: Commit): readonly StreamChange[] {
  const reached = new Map<string, { seq: bigint; chain: string }>();
  return parts.map(({ name: id, strides, gaps, off, key, effects }) => {
    const stored = store.load(id);
    const from = reached.get(id) ?? { seq: stored?.seq ?? 0n, chain: stored?.chain ?? genesisChain(id) };
    const epoch = stored?.epoch ?? 'epoch-1';
    let at = from.seq + off;
    const events = strides.map((stride) => {
      at += gaps ? stride : 1n;
      return { ...event(Number(at), 0, id), epoch, idempotency_key: `key-${key ?? at}` };
    });
    const chain = events.reduce((before, link) => extendChain(before, link), from.chain);
    reached.set(id, { seq: at, chain });
    const more = Array.from({ length: effects }, (_, index) => ({ kind: 'note', body: `${at}/${index}` }));
    const contiguity = gaps ? 'gaps-allowed' : 'dense';
    return { stream_id: id, epoch, expected_seq: from.seq + off, events, seq: at, chain, contiguity, effects: more };
  });
}

/** What a step comes to: its answer, or the code of its error. */
async function run(store: CheckpointStore, given: Exclude<Step, { type: 'reopen' }>): Promise<unknown> {
  let answer: unknown;
  const code = await codeOf(() => {
    switch (given.type) {
      case 'commit':
        answer = store.commit(changesOf(store, given)).changes.length;
        return;
      case 'reset': {
        const contiguity = given.gaps === null ? {} : ({ contiguity: given.gaps ? 'gaps-allowed' : 'dense' } as const);
        const to = { epoch: `epoch-${given.seq % 2n}`, seq: given.seq, chain: `floor ${given.seq}`, reason: 'test' };
        answer = store.resetStream(given.name, { ...to, ...contiguity });
        return;
      }
      case 'quarantine':
        answer = store.quarantine({ stream_id: given.name, reason: 'hash_differs', event: event(Number(given.seq)) });
        return;
      case 'clear':
        answer = store.clearQuarantine(given.name);
        return;
      case 'settle':
        answer = store.settleEffect(given.id);
        return;
      case 'trim':
        answer = store.trim(given.name, given);
        return;
      case 'discard':
        answer = store.discardRetired(given.limit) > 0;
        return;
      case 'compact':
        answer = compact(store, { ...given, pages: 1 }).damaged;
    }
  });
  return { code, answer };
}

function everythingOf(store: CheckpointStore): unknown {
  const page = { after: 0n, limit: 1_000 };
  return {
    streams: store.streams(),
    events: names.map((id) => store.events(id, page)),
    verified: store.streams().map(({ stream_id }) => store.verify(stream_id)),
    known: names.map((id) =>
      store.streams().map(({ epoch }) => [store.hashAt(id, epoch, 3n), store.seqOf(id, epoch, 'key-3')]),
    ),
    effects: store.effects(page),
    resets: store.resets(),
    quarantined: store.quarantined(),
    overflows: store.overflows(),
    counts: store.counts(),
  };
}

describe('the two stores', () => {
  test('I20 answer alike, whatever they are told', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await withFolder(async (folder) => {
          const file = path.join(folder, 'sync.sqlite');
          let time = 1_700_000_000_000.5;
          const clock = { now: () => time, monotonic: () => 0 };
          const memory = memoryCheckpoints({ clock });
          const openBoth = async (account: string) => {
            const own = { ...scope, account };
            return [await open(file, { scope: own, clock, ...limits }), memory.open(own, limits)] as const;
          };
          let [one, other] = await openBoth('alice');
          try {
            for (const given of steps) {
              time += 1000.5;
              if (given.type === 'reopen') {
                await one.close();
                await other.close();
                [one, other] = await openBoth(given.account);
              } else {
                expect(await run(other, given)).toEqual(await run(one, given));
              }
              expect(everythingOf(other)).toEqual(everythingOf(one));
            }
          } finally {
            await one.close();
          }
        });
      }),
      { numRuns: 25 },
    );
  });
});
