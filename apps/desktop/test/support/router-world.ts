import { memoryCheckpoints } from '@autopilot/checkpoint/memory';
import type { Decision } from '@autopilot/cutover-flags';
import type { LaneId, SyncEvent } from '@autopilot/sync-contract';
import { manualPorts } from '@autopilot/testing/manual-ports';
import { CommsRouter } from '../../src/comms/comms-router.ts';
import { appliedViewOf } from '../../src/sync/applied-view.ts';
import { createPipeline } from '../../src/sync/pipeline.ts';
import { ViewModel } from '../../src/view-model/view-model.ts';
import { scope } from './pipeline-bench.ts';
import { decisionFor } from './router-bench.ts';
import { eventsOf } from './scripted-lane.ts';
import { type Seeded, seeded } from './seeded.ts';
import { SimulatedHost, SimulatedLane } from './simulated-lane.ts';
import { memoryLog } from './memory-log.ts';

/** The streams of the simulated journal, and how many events each has. */
export const streams = ['runtime.run.1.events', 'runtime.run.2.events', 'runtime.run.3.events'];
export const perStream = 60;

/** A decision of Stage 1, with the other lane compared or not. */
export function simulatedDecision(lane: LaneId, shadow: boolean): Decision {
  return decisionFor(lane, { reason: 'simulated', ...(shadow ? {} : { shadow: null }) });
}

/** What one host got otherwise than the journal says: an event changed, lost or written twice. */
export interface Damage {
  readonly lane: LaneId;
  readonly kind: 'changed' | 'lost' | 'repeated';
  readonly stream: string;
  readonly seq: bigint;
}

/** One journal, mirrored to two hosts of different lag, two lanes that are cut now and then, and a router over both. */
export function routerWorld(seed: number, damage?: Damage) {
  const random: Seeded = seeded(seed);
  const ports = manualPorts();
  const hosts = { khala: new SimulatedHost('khala'), spacetime: new SimulatedHost('spacetime') };
  const made: SimulatedLane[] = [];
  const open = (id: LaneId) => () => {
    const lane = new SimulatedLane(hosts[id], ports, random);
    made.push(lane);
    return lane;
  };
  const store = memoryCheckpoints(ports).open(scope);
  const compared: Record<LaneId, Map<string, bigint[]>> = { khala: new Map(), spacetime: new Map() };
  const router = new CommsRouter({
    ...{ ports, log: memoryLog(), open: { khala: open('khala'), spacetime: open('spacetime') } },
    applied: appliedViewOf(() => store),
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
      moved: () => {},
      abandoned: () => {},
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
  const pipeline = createPipeline({ lane: router, store, view, acks, ports, log: memoryLog() });
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
    for (const event of journal.slice(places[id], to)) {
      const hit = damage?.lane === id && damage.stream === event.stream_id && damage.seq === event.seq;
      const kind = hit ? damage.kind : undefined;
      if (kind === 'lost') continue;
      // A host numbers by itself: what is lost or written twice moves everything behind it.
      const append = (what: SyncEvent) => {
        hosts[id].append({ ...what, seq: BigInt(hosts[id].log(what.stream_id).length + 1) });
      };
      append(kind === 'changed' ? (eventsOf(event.stream_id, 1, 1, { salt: ' bent' })[0] ?? event) : event);
      if (kind === 'repeated') append(event);
    }
    places[id] = to;
  };
  return { random, ports, hosts, made, store, compared, router, view, pipeline, journal, waiting, produce, mirror };
}
