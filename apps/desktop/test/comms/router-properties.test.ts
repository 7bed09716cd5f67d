import type { Decision } from '@autopilot/cutover-flags';
import type { LaneId, SyncEvent } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { describe, expect, test } from '@jest/globals';
import { CommsRouter } from '../../src/comms/comms-router.ts';
import { createPipeline } from '../../src/sync/pipeline.ts';
import { ViewModel } from '../../src/view-model/view-model.ts';
import { memoryLog } from '../support/memory-log.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { chainOf, eventsOf } from '../support/scripted-lane.ts';
import { type Seeded, seeded } from '../support/seeded.ts';
import { SimulatedHost, SimulatedLane } from '../support/simulated-lane.ts';

const streams = ['runtime.run.1.events', 'runtime.run.2.events', 'runtime.run.3.events'];
const perStream = 60;

function decisionFor(lane: LaneId, shadow: boolean): Decision {
  const other = lane === 'khala' ? 'spacetime' : 'khala';
  const fixed = {
    reason: 'simulated',
    rule: lane === 'khala' ? 'S1.2' : 'S1.3',
    expiresAt: null,
    warning: null,
  } as const;
  return { lane, writes: lane, shadow: shadow ? other : null, ...fixed };
}

/** One journal, mirrored to two hosts of different lag, two lanes that are cut now and then, and a router over both. */
function world(seed: number) {
  const random: Seeded = seeded(seed);
  const ports = manualPorts();
  const hosts = { khala: new SimulatedHost('khala'), spacetime: new SimulatedHost('spacetime') };
  const made: SimulatedLane[] = [];
  const open = (id: LaneId) => () => {
    const lane = new SimulatedLane(hosts[id], ports, random);
    made.push(lane);
    return lane;
  };
  const store = new MemoryStore();
  const compared: Record<LaneId, Map<string, bigint[]>> = { khala: new Map(), spacetime: new Map() };
  const router = new CommsRouter({
    ...{ ports, log: memoryLog(), open: { khala: open('khala'), spacetime: open('spacetime') } },
    applied: {
      position: (id) => {
        const stored = store.load(id);
        return stored === undefined ? null : { epoch: stored.epoch, seq: stored.seq };
      },
      hashAt: (...args) => store.hashAt(...args),
    },
    observer: {
      begins: () => {},
      brought: (lane, events) => {
        for (const { stream_id, seq } of events) {
          const seen = compared[lane].get(stream_id) ?? [];
          seen.push(seq);
          compared[lane].set(stream_id, seen);
        }
      },
      paused: () => {},
      resumed: () => {},
      // A lane that is opened again begins at the position of the store: the comparison begins anew.
      ended: (streamId) => {
        for (const seen of Object.values(compared)) seen.delete(streamId);
      },
    },
    limits: { dwellMs: 20, longestDwellMs: 200, retryMs: 20, longestRetryMs: 200, liveWithinMs: 1500, lookEveryMs: 5 },
  });
  const view = new ViewModel({
    clock: ports.clock,
    boot: { pid: 1, started_at: 0, build: 'test', environment: 'test' },
    lane: () => router.facts(),
    token: () => null,
    feed: () => null,
  });
  router.listen((signal) => {
    if (signal.type === 'state') view.laneState(signal);
  });
  const acks = { note: () => {} };
  const pipeline = createPipeline({ lane: router, store: store.asStore(), view, acks, ports, log: memoryLog() });
  const journal: SyncEvent[] = [];
  const places: Record<LaneId, number> = { khala: 0, spacetime: 0 };
  const waiting: Record<string, SyncEvent[]> = Object.fromEntries(
    streams.map((id) => [id, eventsOf(id, 1, perStream)]),
  );
  /** The next events of the journal; control writes them to each lane when that lane's turn comes. */
  const produce = (count: number) => {
    for (let made = 0; made < count; made += 1) {
      const event = waiting[streams[random.whole(0, streams.length - 1)] ?? '']?.shift();
      if (event !== undefined) journal.push(event);
    }
  };
  const mirror = (id: LaneId, most: number) => {
    const to = Math.min(journal.length, places[id] + most);
    for (const event of journal.slice(places[id], to)) hosts[id].append(event);
    places[id] = to;
  };
  return { random, ports, hosts, made, store, compared, router, view, pipeline, journal, waiting, produce, mirror };
}

function run(seed: number) {
  const it = world(seed);
  const { random, ports, router, made } = it;
  router.decide(decisionFor(random.chance(0.5) ? 'khala' : 'spacetime', random.chance(0.8)), random.chance(0.5));
  it.pipeline.granted(streams);
  router.start();
  for (let turn = 0; turn < 60; turn += 1) {
    it.produce(random.whole(0, 5));
    it.mirror('khala', random.whole(0, 6));
    it.mirror('spacetime', random.whole(0, 6));
    if (random.chance(0.25)) {
      const lane = random.chance(0.5) ? 'khala' : 'spacetime';
      router.decide(decisionFor(lane, random.chance(0.8)), random.chance(0.6));
    }
    if (random.chance(0.15)) made[random.whole(0, made.length - 1)]?.cut();
    ports.advance(random.whole(0, 60));
  }
  return it;
}

/** Everything was produced and mirrored, and there was time. */
function settle(it: ReturnType<typeof run>): void {
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
        const kept = it.store.streamsById.get(stream);
        expect([seed, stream, kept?.events.map(({ seq }) => seq)]).toEqual([
          seed,
          stream,
          expected.map(({ seq }) => seq),
        ]);
        expect(kept?.stored.chain).toBe(chainOf(stream, expected));
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
      it.router.decide(decisionFor(lane, true), true);
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
