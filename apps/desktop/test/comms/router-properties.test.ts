import { describe, expect, test } from '@jest/globals';
import { perStream, routerWorld, simulatedDecision, streams } from '../support/router-world.ts';
import { chainOf } from '../support/scripted-lane.ts';

function run(seed: number) {
  const it = routerWorld(seed);
  const { random, ports, router, made } = it;
  router.decide(simulatedDecision(random.chance(0.5) ? 'khala' : 'spacetime', random.chance(0.8)), random.chance(0.5));
  it.pipeline.granted(streams);
  router.start();
  for (let turn = 0; turn < 60; turn += 1) {
    it.produce(random.whole(0, 5));
    it.mirror('khala', random.whole(0, 6));
    it.mirror('spacetime', random.whole(0, 6));
    if (random.chance(0.25)) {
      const lane = random.chance(0.5) ? 'khala' : 'spacetime';
      router.decide(simulatedDecision(lane, random.chance(0.8)), random.chance(0.6));
    }
    if (random.chance(0.15)) made[random.whole(0, made.length - 1)]?.cut();
    ports.advance(random.whole(0, 60));
  }
  return it;
}

/** Everything was produced and mirrored, and there was time. */
function settle(it: ReturnType<typeof routerWorld>): void {
  it.produce(10_000);
  for (const stream of streams) it.journal.push(...(it.waiting[stream]?.splice(0) ?? []));
  it.mirror('khala', Number.MAX_SAFE_INTEGER);
  it.mirror('spacetime', Number.MAX_SAFE_INTEGER);
  it.ports.advance(30_000);
}

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

describe('the router over two simulated lanes', () => {
  test('H1 H2: whatever is cut and flipped, each event is applied once, in order, and none is lost', () => {
    let handovers = 0;
    let overlap = 0;
    for (const seed of seeds) {
      const it = run(seed);
      settle(it);
      for (const stream of streams) {
        const expected = it.journal.filter(({ stream_id }) => stream_id === stream);
        const kept = it.store.events(stream, { after: 0n, limit: 1000 });
        expect([seed, stream, kept.map(({ seq }) => seq)]).toEqual([seed, stream, expected.map(({ seq }) => seq)]);
        expect(it.store.load(stream)?.chain).toBe(chainOf(stream, expected));
      }
      const { totals } = it.view.snapshot();
      expect([seed, totals]).toEqual([
        seed,
        { applied: streams.length * perStream, stored: 0, duplicates: 0, gaps: 0, conflicts: 0, resets: 0, stale: 0 },
      ]);
      const status = it.router.status();
      expect([seed, status.illegal_steps]).toEqual([seed, 0]);
      expect(it.view.snapshot().alarms).toEqual([]);
      handovers += status.done;
      overlap += status.overlap_events;
    }
    // The runs have to contain what they are about.
    expect(handovers).toBeGreaterThan(seeds.length);
    expect(overlap).toBeGreaterThan(0);
  });

  test('H3: after every storm the router is on the decided lane', () => {
    for (const seed of seeds) {
      const it = run(seed);
      const lane = it.router.decision?.lane ?? 'khala';
      it.router.decide(simulatedDecision(lane, true), true);
      settle(it);
      expect([seed, it.router.status().active, it.router.state]).toEqual([seed, lane, 'live']);
      expect(it.view.snapshot().connection.state).toBe('live');
    }
  });

  test('H9: what is compared is brought in rising order and once by each lane', () => {
    let compared = 0;
    for (const seed of seeds) {
      const it = run(seed);
      settle(it);
      for (const lane of ['khala', 'spacetime'] as const) {
        for (const [, seqs] of it.compared[lane]) {
          expect([seed, lane, seqs]).toEqual([seed, lane, [...new Set(seqs)].sort((a, b) => (a < b ? -1 : 1))]);
          compared += seqs.length;
        }
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });

  test('H10: closing ends every timer, and nothing is told afterwards', async () => {
    for (const seed of seeds.slice(0, 10)) {
      const it = run(seed);
      const told: string[] = [];
      it.pipeline.close();
      await it.router.close();
      it.router.listen((signal) => void told.push(signal.type));
      it.ports.advance(100_000);
      expect([seed, told, it.ports.pending, it.made.every(({ closed }) => closed)]).toEqual([seed, [], 0, true]);
    }
  });
});
