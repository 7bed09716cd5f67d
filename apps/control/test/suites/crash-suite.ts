import { extendChain, genesisChain } from '@autopilot/sync-contract';
import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { NewPlace } from '../support/place.ts';
import { type Fault, ScriptedDatabase } from '../support/scripted-database.ts';
import { waitUntil } from '../support/wait-until.ts';
import { drafts, openBench } from '../support/writer-bench.ts';

const streams = ['runtime.run.a', 'runtime.run.b', 'runtime.run.c'];

/** What must hold over crashes on every kind of store. */
export function crashSuite(place: NewPlace, runs = 12): void {
  describe('projection writer over crashes', () => {
    test('I2 I4 what was accepted before a crash is delivered once after it', async () => {
      const database = new ScriptedDatabase();
      const where = await place();
      const first = await openBench({ ...where, database, ports: systemPorts, limits: { window: 4 } });
      await first.accept('feed', drafts('runtime.run.a', 0, 40));
      // Everything that is under way commits, and no receipt reaches the store.
      database.fault = (_draft, expected) => (expected === 10n ? 'lost-answer' : undefined);
      first.sink.start();
      first.writer.start();
      await waitUntil(() => database.keys('runtime.run.a').length >= 10);
      await first.crash();
      const before = database.keys('runtime.run.a').length;
      expect(before).toBeLessThan(40);

      database.fault = () => undefined;
      const second = await openBench({ ...where, database, ports: systemPorts });
      second.sink.start();
      second.writer.start();
      await waitUntil(async () => (await second.outbox.depth()).pending === 0);
      expect(database.keys('runtime.run.a')).toEqual(Array.from({ length: 40 }, (_, index) => `k${index}`));
      const progress = await second.outbox.progress('runtime.run.a');
      expect(progress).toMatchObject({
        last_seq: '40',
        delivered: 40,
        chain: expectedChain(database, 'runtime.run.a'),
      });
      expect(progress?.duplicates).toBeGreaterThan(0);
      await second.close();
    });

    test('I2 I3 I4 I6 whatever fails whenever, each stream holds its events once, in order, with the true chain', async () => {
      const fault = fc.constantFrom<Fault | undefined>('lost-answer', 'not-sent', undefined, undefined, undefined);
      const life = fc.record({ accept: fc.nat(12), appends: fc.nat(25), faults: fc.array(fault, { maxLength: 20 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), fc.integer(), async (lives, seed) => {
          const database = new ScriptedDatabase();
          const where = await place();
          let accepted = 0;
          for (const { accept, appends, faults } of [...lives, { accept: 1, appends: Infinity, faults: [] }]) {
            const ports = manualPorts({ seed });
            const bench = await openBench({ ...where, database, ports, limits: { window: 5, streams: 2 } });
            const script = [...faults];
            let left = appends;
            database.fault = () => {
              left -= 1;
              return left < 0 ? 'not-sent' : script.shift();
            };
            if (accept > 0)
              await bench.accept(
                'feed',
                streams.flatMap((id) => drafts(id, accepted, accept)),
              );
            accepted += accept;
            bench.sink.start();
            bench.writer.start();
            await waitUntil(async () => {
              ports.runNext();
              return left <= 0 || (await bench.outbox.depth()).pending === 0;
            });
            if (appends === Infinity) {
              await expectAll(bench, database, accepted);
              await bench.close();
            } else {
              await bench.crash();
            }
          }
        }),
        { numRuns: runs },
      );
    }, 60_000);
  });

  async function expectAll(bench: Awaited<ReturnType<typeof openBench>>, database: ScriptedDatabase, count: number) {
    for (const id of streams) {
      expect(database.keys(id)).toEqual(Array.from({ length: count }, (_, index) => `k${index}`));
      const chain = expectedChain(database, id);
      expect(await bench.outbox.progress(id)).toMatchObject({ last_seq: `${count}`, delivered: count, chain });
    }
  }

  function expectedChain(database: ScriptedDatabase, streamId: string): string {
    return (database.streams.get(streamId) ?? []).reduce(extendChain, genesisChain(streamId));
  }
}
