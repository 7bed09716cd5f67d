import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type CheckpointStore, openCheckpointStore } from '@autopilot/checkpoint';
import { type ManualPorts, manualPorts } from '@autopilot/testing/manual-ports';
import type { Ack } from '../../src/sync/ack-queue.ts';
import { createPipeline, type Pipeline } from '../../src/sync/pipeline.ts';
import type { DesktopState } from '../../src/view-model/desktop-state.ts';
import { ViewModel } from '../../src/view-model/view-model.ts';
import { memoryLog } from './memory-log.ts';
import { ScriptedLane } from './scripted-lane.ts';

/** The real engine and the real store between a scripted lane and the real view model. */
export interface PipelineBench {
  readonly lane: ScriptedLane;
  readonly view: ViewModel;
  readonly store: CheckpointStore;
  readonly pipeline: Pipeline;
  readonly ports: ManualPorts;
  readonly acks: Ack[];
  state(): DesktopState;
  stream(streamId: string): DesktopState['streams'][number];
  alarms(): string[];
  /** Closes the pipeline and the store; the folder stays. */
  stop(): Promise<void>;
}

export const scope = { environment: 'test', database: 'db', account: 'someone' };

/** A folder that goes away with `remove`. */
export function testFolder(): { readonly dir: string; remove(): void } {
  const dir = mkdtempSync(path.join(tmpdir(), 'desktop-pipeline-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A bench over the store in a folder. `wrap` puts something between pipeline and store. */
export async function startBench(
  dir: string,
  wrap: (store: CheckpointStore) => CheckpointStore = (store) => store,
): Promise<PipelineBench> {
  const ports = manualPorts();
  const lane = new ScriptedLane();
  const acks: Ack[] = [];
  const view = new ViewModel({
    clock: ports.clock,
    boot: { pid: 1, started_at: ports.clock.now(), build: 'test', environment: 'test' },
    lane: () => lane.facts(),
    token: () => null,
    feed: () => null,
  });
  lane.listen((signal) => {
    if (signal.type === 'state') view.laneState(signal);
  });
  const file = path.join(dir, 'checkpoints.sqlite');
  const opened = await openCheckpointStore({ ...ports, file, scope, synchronous: 'NORMAL' });
  const store = wrap(opened);
  const note = (ack: Ack) => void acks.push(ack);
  const pipeline = createPipeline({ lane, store, view, acks: { note }, ports, log: memoryLog() });
  return {
    ...{ lane, view, store, pipeline, ports, acks },
    state: () => view.snapshot(),
    stream: (streamId) => {
      const found = view.snapshot().streams.find((stream) => stream.stream_id === streamId);
      if (found === undefined) throw new Error(`${streamId} is not shown`);
      return found;
    },
    alarms: () => view.snapshot().alarms.map(({ code }) => code),
    async stop() {
      pipeline.close();
      await opened.close();
    },
  };
}

/** Brings the lane from idle to live. */
export function goLive(lane: ScriptedLane): void {
  for (const to of ['authenticating', 'connecting', 'subscribing', 'replaying', 'live'] as const) lane.go(to);
}
