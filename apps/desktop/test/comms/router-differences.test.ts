import type { LaneId } from '@autopilot/sync-contract';
import { describe, expect, test } from '@jest/globals';
import { updateStandingAlarms } from '../../src/view-model/standing-alarms.ts';
import { goLive } from '../support/pipeline-bench.ts';
import { decisionFor, type RouterBench, startRouter } from '../support/router-bench.ts';
import { type Damage, routerWorld, simulatedDecision, streams } from '../support/router-world.ts';
import { chainOf, eventsOf } from '../support/scripted-lane.ts';

const id = 'runtime.run.1.events';
const khala = decisionFor('khala');
const spacetime = decisionFor('spacetime');

/** Both lanes brought five events, of which the third is another one on the lane beside. */
const differing = (first: LaneId, options: { readonly drain?: boolean } = {}): RouterBench => {
  const bench = startRouter(decisionFor(first), [id], options);
  const beside = first === 'khala' ? 'spacetime' : 'khala';
  bench.lane(first).batch(eventsOf(id, 1, 5), 'live');
  bench.lane(beside).batch(eventsOf(id, 1, 2), 'live');
  bench.lane(beside).batch(eventsOf(id, 3, 3, { salt: ' bent' }), 'live');
  bench.lane(beside).batch(eventsOf(id, 4, 5), 'live');
  return bench;
};

describe('a lane that is known to differ', () => {
  test('H17: does not take over, and stream and place of the difference are told', () => {
    const { router, lane, seq, ports } = differing('khala');
    router.decide(spacetime, true);
    expect(router.status()).toMatchObject({ active: 'khala', phase: 'preparing' });
    // It is read again from before the difference, and brings the same once more.
    expect(lane('spacetime').callsOf('rewind', id).at(-1)).toMatchObject({ after: { epoch: 'e1', seq: 2n } });
    lane('spacetime').batch(eventsOf(id, 3, 3, { salt: ' bent' }), 'replay');
    lane('spacetime').batch(eventsOf(id, 4, 5), 'replay');
    const held_by = { lane: 'spacetime', stream_id: id, epoch: 'e1', seq: 3n, what: 'event' };
    expect(router.status()).toMatchObject({ held_by, active: 'khala' });
    ports.advance(1000);
    expect(router.status()).toMatchObject({ phase: 'retrying', active: 'khala', failed: 1, done: 0, held_by });
    expect(router.status().handovers.at(-1)?.reason).toBe(`${id} differs on spacetime at 3 (another event).`);
    lane('khala').batch(eventsOf(id, 6, 8), 'live');
    expect(seq(id)).toBe(8n);
    router.decide(khala, true);
    expect(router.status()).toMatchObject({ phase: 'steady', held_by: null });
  });

  test('H17: takes over when the event had only been damaged on its way', () => {
    const { router, lane, ports } = differing('khala');
    router.decide(spacetime, true);
    lane('spacetime').batch(eventsOf(id, 3, 5), 'replay');
    ports.advance(20);
    expect(router.status()).toMatchObject({ active: 'spacetime', done: 1, failed: 0, held_by: null, forced: null });
  });

  test('H17: an event of another kind or key, one left out, and another chain are differences too', () => {
    const bent = eventsOf(id, 3, 3).map((event) => ({ ...event, kind: 'other' }));
    const keyed = eventsOf(id, 3, 3).map((event) => ({ ...event, idempotency_key: 'other' }));
    const cases = [
      [
        'another event',
        (bench: RouterBench) => bench.lane('spacetime').batch([...eventsOf(id, 1, 2), ...bent], 'live'),
      ],
      [
        'another event',
        (bench: RouterBench) => bench.lane('spacetime').batch([...eventsOf(id, 1, 2), ...keyed], 'live'),
      ],
      ['an event left out', (bench: RouterBench) => bench.lane('spacetime').batch(eventsOf(id, 1, 2), 'live')],
      ['another chain', (bench: RouterBench) => bench.lane('spacetime').head(id, 5, chainOf(id, eventsOf(id, 2, 6)))],
    ] as const;
    for (const [what, bring] of cases) {
      const bench = startRouter(khala, [id]);
      bench.lane('khala').batch(eventsOf(id, 1, 5), 'live');
      if (what === 'another chain') bench.lane('spacetime').batch(eventsOf(id, 1, 5), 'live');
      bring(bench);
      if (what !== 'another chain') bench.lane('spacetime').batch(eventsOf(id, 4, 5), 'live');
      bench.router.decide(spacetime, true);
      expect([what, bench.router.status().active]).toEqual([what, 'khala']);
      // Read again, it still is so.
      if (what !== 'another chain') {
        bring(bench);
        bench.lane('spacetime').batch(eventsOf(id, 4, 5), 'replay');
      }
      bench.ports.advance(1000);
      const at = what === 'another chain' ? 5 : 3;
      expect(bench.router.status().handovers.at(-1)?.reason).toBe(`${id} differs on spacetime at ${at} (${what}).`);
    }
  });

  test('H17: a chain that agrees again, and one that nobody can compare, hold nothing back', () => {
    const { router, lane } = startRouter(khala, [id]);
    for (const name of ['khala', 'spacetime'] as const) lane(name).batch(eventsOf(id, 1, 5), 'live');
    lane('spacetime').head(id, 5, chainOf(id, eventsOf(id, 2, 6)));
    lane('spacetime').head(id, 5, chainOf(id, eventsOf(id, 1, 5)));
    router.decide(spacetime, true);
    expect(router.status()).toMatchObject({ active: 'spacetime', done: 1 });
    const unknown = startRouter(khala, [id]);
    for (const name of ['khala', 'spacetime'] as const) unknown.lane(name).batch(eventsOf(id, 1, 5), 'live');
    unknown.store.resetStream(id, { epoch: 'e1', seq: 5n, chain: 'floor', reason: 'nobody can compare it' });
    unknown.lane('spacetime').head(id, 5, chainOf(id, eventsOf(id, 1, 5)));
    unknown.router.decide(spacetime, true);
    expect(unknown.router.status().active).toBe('spacetime');
  });

  test('H17: where two lanes differ, the one whose event was applied is not held back', () => {
    const { router, ports } = differing('spacetime');
    router.decide(khala, true);
    expect(router.status()).toMatchObject({ active: 'khala', forced: { why: 'rollback' } });
    ports.advance(200);
    // The store holds what spacetime brought: the way back is free, and tells of nothing.
    router.decide(spacetime, true);
    ports.advance(200);
    expect(router.status()).toMatchObject({ active: 'spacetime', held_by: null, forced: null, done: 2 });
  });

  test('H17: what is known outlives the lane', () => {
    const { router, lane, ports } = differing('khala');
    router.decide(decisionFor('khala', { shadow: null }), true);
    expect(lane('spacetime').closed).toBe(true);
    router.decide(spacetime, true);
    goLive(lane('spacetime'));
    ports.advance(1000);
    expect(router.status()).toMatchObject({ active: 'khala', failed: 1 });
  });
});

describe('what wins over a known difference', () => {
  const alarms = ({ router, view }: RouterBench) => {
    const raised: string[] = [];
    const sink = { raise: (code: string, message: string) => void raised.push(`${code}: ${message}`), clear: () => {} };
    const comms = { ...comm, decision: router.decision, router: router.status() };
    updateStandingAlarms(sink as never, { ...view.snapshot(), comms } as never);
    return raised;
  };
  const comm = { fallback: null, policy_answer: { error: null }, parity: null, null_run: null };

  test('H17: an emergency fallback goes on at once, loudly, and the apply path refuses what contradicts it', () => {
    const bench = differing('spacetime', { drain: false });
    const { router, lane, view, store, ports } = bench;
    // The next one is a little behind: what it brings again is held against what was applied.
    lane('khala').go('backoff');
    router.decide(decisionFor('khala', { rule: 'S2.2' }), true);
    lane('spacetime').batch(eventsOf(id, 6, 7), 'live');
    goLive(lane('khala'));
    ports.advance(20);
    expect(router.status()).toMatchObject({
      ...{ active: 'khala', done: 1, failed: 0 },
      forced: { why: 'emergency', differences: [{ lane: 'khala', stream_id: id, seq: 3n, what: 'event' }] },
    });
    expect(router.status().handovers.at(-1)).toMatchObject({
      outcome: 'done',
      reason: `By emergency, although ${id} differs on khala at 3 (another event).`,
    });
    expect(alarms(bench)).toContain(
      `handover_forced: khala took over by emergency, although ${id} differs on khala at 3 (another event).`,
    );
    lane('khala').batch(eventsOf(id, 6, 6, { salt: ' bent' }), 'live');
    expect([store.counts().quarantined, view.snapshot().totals.conflicts]).toEqual([1, 1]);
  });

  test('H17: a rollback that drains goes on, one that does not waits with its session and then for the lane', () => {
    const drained = differing('spacetime');
    drained.router.decide(khala, true);
    expect(drained.router.status()).toMatchObject({ active: 'khala', forced: { why: 'rollback' } });
    const { router, lane, ports } = differing('spacetime', { drain: false });
    router.decide(khala, false);
    expect(router.status()).toMatchObject({ active: 'spacetime', phase: 'keeping' });
    lane('spacetime').go('backoff');
    goLive(lane('spacetime'));
    ports.advance(1000);
    expect(router.status()).toMatchObject({ active: 'spacetime', failed: 1, forced: null });
    router.decide(khala, true);
    ports.advance(300);
    lane('khala').batch(eventsOf(id, 3, 5), 'replay');
    ports.advance(20);
    expect(router.status().active).toBe('khala');
  });

  test('H17: in Stage 3 khala is left whatever is known, and a way forward never is insisted on', () => {
    const forward = differing('khala');
    forward.router.decide(decisionFor('spacetime', { rule: 'S2.1' }), true);
    forward.ports.advance(3000);
    expect(forward.router.status()).toMatchObject({ active: 'khala', forced: null });
    expect(alarms(forward)).toContainEqual(
      expect.stringMatching(`^handover_held: S2.1 decides for spacetime, but ${id} differs`),
    );
    const removed = differing('khala');
    removed.router.decide(decisionFor('spacetime', { rule: 'S3.1', shadow: null }), true);
    expect(removed.router.status()).toMatchObject({ active: 'spacetime', forced: { why: 'khala removed' } });
  });

  test('H17: a lane that is lost is left: at once when it has given up, after a while when it does not come back', () => {
    const failed = differing('khala');
    failed.lane('khala').go('failed');
    failed.router.decide(spacetime, true);
    expect(failed.router.status()).toMatchObject({ active: 'spacetime', forced: { why: 'lane lost' } });
    const { router, lane, ports } = differing('khala');
    lane('khala').go('backoff');
    router.decide(spacetime, true);
    lane('spacetime').batch(eventsOf(id, 3, 3, { salt: ' bent' }), 'replay');
    lane('spacetime').batch(eventsOf(id, 4, 5), 'replay');
    ports.advance(4900);
    expect(router.status()).toMatchObject({ active: 'khala', forced: null });
    for (let turn = 0; turn < 10 && router.status().active === 'khala'; turn += 1) {
      ports.advance(200);
      lane('spacetime').batch(eventsOf(id, 3, 3, { salt: ' bent' }), 'replay');
      lane('spacetime').batch(eventsOf(id, 4, 5), 'replay');
    }
    expect(router.status()).toMatchObject({ active: 'spacetime', forced: { why: 'lane lost' } });
  });
});

describe('simulated lanes', () => {
  const seeds = Array.from({ length: 6 }, (_, index) => index + 1);
  const stream = streams[0] ?? '';

  /** Both lanes read half of the journal, then the other lane is decided for, as the journal goes on. */
  const flipTo = (to: LaneId, seed: number, damage?: Damage) => {
    const it = routerWorld(seed, damage);
    const { router, ports } = it;
    router.decide(simulatedDecision(to === 'khala' ? 'spacetime' : 'khala', true), false);
    it.pipeline.granted(streams);
    router.start();
    const load = (turns: number) => {
      for (let turn = 0; turn < turns; turn += 1) {
        it.produce(it.random.whole(1, 4));
        it.mirror('khala', 10);
        it.mirror('spacetime', 10);
        ports.advance(it.random.whole(5, 60));
      }
    };
    load(40);
    ports.advance(2000);
    // A rollback that does not drain begins when the session ends; the way forward is free at once.
    router.decide(simulatedDecision(to, true), to === 'spacetime');
    for (const lane of it.made) if (lane.id !== to) lane.cut();
    load(40);
    ports.advance(6000);
    return it;
  };
  const applied = (it: ReturnType<typeof routerWorld>) =>
    it.store.events(stream, { after: 0n, limit: 1000 }).map(({ idempotency_key }) => idempotency_key);
  const inJournal = (it: ReturnType<typeof routerWorld>) =>
    it.journal.filter(({ stream_id }) => stream_id === stream).map(({ idempotency_key }) => idempotency_key);

  for (const to of ['spacetime', 'khala'] as const) {
    for (const kind of ['changed', 'lost', 'repeated'] as const) {
      test(`H17: a ${to} lane with a ${kind} event never takes over`, () => {
        for (const seed of seeds) {
          const it = flipTo(to, seed, { lane: to, kind, stream, seq: BigInt(1 + (seed % 12)) });
          const { active, done, illegal_steps } = it.router.status();
          expect([seed, active, done, illegal_steps]).toEqual([seed, to === 'khala' ? 'spacetime' : 'khala', 0, 0]);
          expect([seed, applied(it)]).toEqual([seed, inJournal(it)]);
        }
      });
    }

    test(`H17: an honest ${to} lane always takes over`, () => {
      for (const seed of seeds) {
        const it = flipTo(to, seed);
        const { active, forced, held_by } = it.router.status();
        expect([seed, active, forced, held_by]).toEqual([seed, to, null, null]);
        expect([seed, applied(it)]).toEqual([seed, inJournal(it)]);
      }
    });
  }
});
