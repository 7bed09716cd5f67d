import path from 'node:path';
import { extendChain, genesisChain, type SyncEvent } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CheckpointStore, StreamChange } from '../src/index.ts';
import { codeOf, event, open, withFolder } from './support.ts';

const names = ['runtime.a', 'runtime.b'] as const;

/** The trivial model: what a stream is, in memory. */
interface ModelStream {
  epoch: string;
  base: bigint;
  seq: bigint;
  chain: string;
  events: SyncEvent[];
}

const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('commit' as const),
      parts: fc.array(
        fc.record({
          name: fc.constantFrom(...names),
          count: fc.integer({ min: 0, max: 4 }),
          // Mostly right; otherwise decided from another position.
          off: fc.constantFrom(0, 0, 0, 0, 0, -1, 1),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('reset' as const),
      name: fc.constantFrom(...names),
      epoch: fc.constantFrom('epoch-1', 'epoch-2'),
      seq: fc.bigInt({ min: 0n, max: 2n ** 62n }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const) }) },
);

function changeFrom(model: ModelStream | undefined, name: string, count: number, off: number): StreamChange {
  const epoch = model?.epoch ?? 'epoch-1';
  const start = (model?.seq ?? 0n) + BigInt(off);
  const events = Array.from({ length: count }, (_, index) => {
    const seq = start + BigInt(index + 1);
    return { ...event(1, 0, name), epoch, seq, idempotency_key: `${epoch} ${seq}` };
  });
  const chain = events.reduce((before, link) => extendChain(before, link), model?.chain ?? genesisChain(name));
  return { stream_id: name, epoch, expected_seq: start, events, seq: start + BigInt(count), chain };
}

function apply(model: ModelStream | undefined, change: StreamChange): ModelStream | undefined {
  const before = model ?? { epoch: change.epoch, base: 0n, seq: 0n, chain: genesisChain(change.stream_id), events: [] };
  if (change.expected_seq !== before.seq || change.epoch !== before.epoch) return undefined;
  return { ...before, seq: change.seq, chain: change.chain, events: [...before.events, ...change.events] };
}

function expectSame(store: CheckpointStore, models: ReadonlyMap<string, ModelStream>): void {
  for (const name of names) {
    const model = models.get(name);
    const stored = store.load(name);
    expect(stored && { epoch: stored.epoch, base: stored.base_seq, seq: stored.seq, chain: stored.chain }).toEqual(
      model && { epoch: model.epoch, base: model.base, seq: model.seq, chain: model.chain },
    );
    expect(store.events(name, { after: 0n, limit: 1_000 })).toEqual(model?.events ?? []);
  }
}

describe('the store against a model', () => {
  test('I1 I2 I3 I4 I7 whatever is committed, refused, reset and opened again, it holds what the model holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
        await withFolder(async (folder) => {
          const file = path.join(folder, 'sync.sqlite');
          let models = new Map<string, ModelStream>();
          let told = 0;
          let accepted = 0;
          const start = async () => {
            const opened = await open(file);
            opened.onCommitted(() => {
              told += 1;
            });
            return opened;
          };
          let store = await start();
          try {
            for (const step of commands) {
              if (step.type === 'reopen') {
                await store.close();
                store = await start();
              } else if (step.type === 'reset') {
                const { name, epoch, seq } = step;
                store.resetStream(name, { epoch, seq, chain: `floor ${seq}`, reason: 'test' });
                models.set(name, { epoch, base: seq, seq, chain: `floor ${seq}`, events: [] });
              } else {
                const after = new Map(models);
                let isRight = true;
                const changes = step.parts.map(({ name, count, off }) => {
                  const change = changeFrom(after.get(name), name, count, off);
                  const next = apply(after.get(name), change);
                  if (next === undefined) isRight = false;
                  else after.set(name, next);
                  return change;
                });
                const code = await codeOf(() => store.commit(changes));
                expect(code === 'nothing thrown').toBe(isRight);
                if (isRight) {
                  models = after;
                  accepted += 1;
                }
              }
              expectSame(store, models);
              expect(told).toBe(accepted);
            }
          } finally {
            await store.close();
          }
        });
      }),
      { numRuns: 15 },
    );
  });
});
