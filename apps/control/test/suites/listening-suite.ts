import { systemPorts } from '@autopilot/sync-contract/system-ports';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createListening, type Listening, type ListeningPeriod, listenedSince } from '../../src/cutover/listening.ts';
import { openStore } from '../../src/store/open-store.ts';
import { atEnd } from '../support/cleanup.ts';
import type { NewPlace } from '../support/place.ts';

/** Time in which nobody listened ages no unit, on every kind of store. */
export function listeningSuite(place: NewPlace): void {
  /** Replicas over one store, by a clock that the test moves. Notes are made every second. */
  async function open() {
    const where = await place();
    const store = await openStore({ dataDir: where.dataDir, url: where.store });
    atEnd(() => store.close());
    let now = 1_800_000_000_000;
    const began = now;
    const clock = { now: () => now, monotonic: () => now };
    const failures: unknown[] = [];
    const replica = () =>
      createListening({
        store,
        ports: { ...systemPorts, clock },
        every: 1_000,
        silentAfter: 45_000,
        bound: 86_400_000,
        failed: (error) => failures.push(error),
      });
    return {
      replica,
      /** Lets time pass in which these replicas listen. */
      async listen(seconds: number, ...replicas: Listening[]) {
        for (const each of replicas) await each.note();
        for (let second = 0; second < seconds; second += 1) {
          now += 1_000;
          for (const each of replicas) await each.note();
        }
      },
      pass(seconds: number) {
        now += seconds * 1_000;
      },
      /** Seconds since the beginning. */
      liveSince: async (of: Listening) => ((await of.liveSince()) - began) / 1_000,
      periods: async () => (await store.db.selectFrom('cutover_listening').selectAll().execute()).length,
    };
  }

  describe('listening', () => {
    test('K16 a unit ages while anybody listens, and while nobody does it does not', async () => {
      const it = await open();
      const first = it.replica();
      await it.listen(100, first);
      expect(await it.liveSince(first)).toBe(55);
      // Killed, and started again an hour later: what was heard in the last 45 s of listening is still good.
      it.pass(3_600);
      const second = it.replica();
      expect(await it.liveSince(second)).toBe(55);
      await it.listen(30, second);
      expect(await it.liveSince(second)).toBe(85);
      await it.listen(15, second);
      expect(await it.liveSince(second)).toBe(3_700);
      await it.listen(5, second);
      expect(await it.liveSince(second)).toBe(3_705);
    });

    test('K16 what one of two replicas listened counts once, and the other need not', async () => {
      const it = await open();
      const [first, second] = [it.replica(), it.replica()];
      await it.listen(50, first, second);
      expect([await it.liveSince(first), await it.liveSince(second)]).toEqual([5, 5]);
      await it.listen(20, second);
      expect([await it.liveSince(first), await it.liveSince(second)]).toEqual([25, 25]);
    });

    test('K16 a process that stood still did not listen, and one that was only late did', async () => {
      const it = await open();
      const only = it.replica();
      await it.listen(60, only);
      it.pass(3);
      await it.listen(0, only);
      expect(await it.liveSince(only)).toBe(18);
      it.pass(4);
      await it.listen(0, only);
      expect(await it.liveSince(only)).toBe(18);
    });

    test('K16 a clock that was set back makes nobody silent', async () => {
      const it = await open();
      const only = it.replica();
      await it.listen(4_000, only);
      it.pass(-3_000);
      expect(await it.liveSince(only)).toBe(955);
      await it.listen(10, only);
      expect(await it.liveSince(only)).toBe(965);
    });

    test('K16 time that was not listened has a bound, and a store that nobody has noted in has it too', async () => {
      const it = await open();
      const only = it.replica();
      expect(await it.liveSince(only)).toBe(-86_445);
      await it.listen(10, only);
      it.pass(30 * 86_400);
      expect(await it.liveSince(only)).toBe(10 + 29 * 86_400 - 45);
    });

    test('K16 what no age depends on is forgotten, and nothing else', async () => {
      const it = await open();
      for (let start = 0; start < 20; start += 1) {
        await it.listen(10, it.replica());
        it.pass(5);
      }
      const last = it.replica();
      const before = await it.liveSince(last);
      expect(await it.periods()).toBe(20);
      await last.forget();
      expect(await it.periods()).toBe(5);
      expect(await it.liveSince(last)).toBe(before);
    });
  });
}

/** Periods overlap in any way: the same as counting millisecond by millisecond. */
export function listenedSinceSuite(): void {
  test('K16 the age of a unit is what was listened since, each millisecond once', () => {
    const period = fc
      .tuple(fc.nat(60), fc.nat(30))
      .map(([from, length]): ListeningPeriod => ({ from, to: from + length }));
    fc.assert(
      fc.property(
        fc.array(period, { maxLength: 8 }),
        fc.integer({ min: 1, max: 60 }),
        fc.nat(90),
        (periods, need, now) => {
          const listened = (at: number) => periods.some(({ from, to }) => from <= at && at < to);
          let expected = Number.NEGATIVE_INFINITY;
          for (let at = now - 1, missing = need; at >= 0 && missing > 0; at -= 1) {
            if (listened(at)) missing -= 1;
            if (missing === 0) expected = at;
          }
          expect(listenedSince(periods, need, now)).toBe(expected);
        },
      ),
    );
  });
}
