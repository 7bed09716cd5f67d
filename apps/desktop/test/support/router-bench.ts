import type { CheckpointStore } from '@autopilot/checkpoint';
import { memoryCheckpoints } from '@autopilot/checkpoint/memory';
import type { Decision } from '@autopilot/cutover-flags';
import type { LaneId } from '@autopilot/sync-contract';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import { CommsRouter } from '../../src/comms/comms-router.ts';
import type { RouterLimits } from '../../src/comms/router-options.ts';
import { appliedViewOf } from '../../src/sync/applied-view.ts';
import { createPipeline, type Pipeline } from '../../src/sync/pipeline.ts';
import { ViewModel } from '../../src/view-model/view-model.ts';
import { memoryLog } from './memory-log.ts';
import { goLive, scope } from './pipeline-bench.ts';
import { ScriptedLane } from './scripted-lane.ts';

/** A decision for a lane; `shadow` null for no comparison. */
export function decisionFor(lane: LaneId, over: Partial<Decision> = {}): Decision {
  return {
    ...{ lane, writes: lane, shadow: lane === 'khala' ? 'spacetime' : 'khala', reason: 'scripted' },
    ...{ rule: lane === 'khala' ? 'S1.2' : 'S1.3', expiresAt: null, warning: null },
    ...over,
  };
}

/** The router between two scripted lanes and the real pipeline. */
export interface RouterBench {
  readonly router: CommsRouter;
  readonly pipeline: Pipeline;
  readonly store: CheckpointStore;
  readonly view: ViewModel;
  readonly ports: ManualPorts;
  /** Every lane that was opened, the oldest first. */
  readonly opened: ScriptedLane[];
  /** The newest lane of an id. */
  lane(id: LaneId): ScriptedLane;
  seq(streamId: string): bigint | undefined;
  alarms(): string[];
}

const limits: Partial<RouterLimits> = {
  ...{ liveWithinMs: 1000, lookEveryMs: 10, dwellMs: 100, longestDwellMs: 1000, windowMs: 60_000 },
  ...{ retryMs: 200, longestRetryMs: 800, lostAfterMs: 5000 },
};

/** A started router on `first`, whose lanes are live when `live` says so. */
export function startRouter(
  first: Decision,
  streams: readonly string[],
  options: { readonly live?: boolean; readonly khala?: boolean; readonly drain?: boolean } = {},
): RouterBench {
  const ports = manualPorts();
  const store = memoryCheckpoints(ports).open(scope);
  const opened: ScriptedLane[] = [];
  const open = (id: LaneId) => () => {
    const lane = new ScriptedLane(undefined, id);
    opened.push(lane);
    return lane;
  };
  const router = new CommsRouter({
    ...{ ports, log: memoryLog(), limits },
    open: { spacetime: open('spacetime'), khala: options.khala === false ? undefined : open('khala') },
    applied: appliedViewOf(() => store),
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
  pipeline.granted(streams);
  router.decide(first, options.drain ?? true);
  router.start();
  if (options.live !== false) for (const lane of opened) goLive(lane);
  return {
    ...{ router, pipeline, store, view, ports, opened },
    lane: (id) => {
      const found = opened.findLast((lane) => lane.id === id);
      if (found === undefined) throw new Error(`${id} was not opened`);
      return found;
    },
    seq: (id) => store.load(id)?.seq,
    alarms: () => view.snapshot().alarms.map(({ code }) => code),
  };
}
