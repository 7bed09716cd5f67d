import type { CheckpointStore } from '@autopilot/checkpoint';
import type { Lane, LaneSignal, LaneState, Ports } from '@autopilot/sync-contract';
import type { Log } from '../log.ts';
import type { ViewModel } from '../view-model/view-model.ts';
import type { AckQueue } from './ack-queue.ts';
import { type ApplierContext, StreamApplier } from './stream-applier.ts';

/** Everything between a lane and the view model. */
export interface Pipeline {
  /** Follows a stream from its watermark in the store; does nothing when it is followed already. */
  follow(streamId: string): void;
  /** Ends every timer and forgets the streams of the view; the lane stays as it is, without its streams. */
  close(): void;
}

export interface PipelineOptions {
  readonly lane: Lane;
  readonly store: CheckpointStore;
  readonly view: ViewModel;
  readonly acks: Pick<AckQueue, 'note'>;
  readonly ports: Ports;
  readonly log: Log;
}

const watchMs = 1000;
const disconnected: ReadonlySet<LaneState> = new Set<LaneState>([
  'authenticating',
  'connecting',
  'backoff',
  'needs-auth',
  'failed',
  'closed',
]);

/**
 * Applies what the lane brings: signal by signal, each batch in one transaction of the store, shown only afterwards.
 * Every stream of the store is followed again from its watermark.
 */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { lane, store, view, ports } = options;
  const context: ApplierContext = options;
  const appliers = new Map<string, StreamApplier>();
  const closedStreams = new Set<string>();

  const follow = (streamId: string) => {
    const known = appliers.get(streamId);
    if (known === undefined) {
      const applier = new StreamApplier(context, streamId);
      appliers.set(streamId, applier);
      lane.follow(streamId, applier.position);
    } else if (closedStreams.delete(streamId)) {
      known.reopen();
      lane.follow(streamId, known.position);
    }
  };
  const onSignal = (signal: LaneSignal) => {
    if (signal.type === 'state') {
      if (disconnected.has(signal.to)) for (const applier of appliers.values()) applier.lostConnection();
      return;
    }
    const applier = appliers.get(signal.stream_id);
    if (applier === undefined) return;
    switch (signal.type) {
      case 'batch':
        return applier.batch(signal);
      case 'head':
        return applier.head(signal);
      case 'stale':
        return applier.stale(signal);
      case 'stream-closed':
        closedStreams.add(signal.stream_id);
        return applier.closed(signal);
      case 'transient':
        // Nothing to apply: it is never checkpointed, and this page shows no presence yet.
        return;
    }
  };
  const watch = () => {
    for (const applier of appliers.values()) applier.watch(lane.state === 'live');
    cancelWatch = ports.scheduler.after(watchMs, watch);
  };
  const unlisten = lane.listen(onSignal);
  let cancelWatch = ports.scheduler.after(watchMs, watch);
  for (const stream of store.streams()) follow(stream.stream_id);
  return {
    follow,
    close() {
      unlisten();
      cancelWatch();
      for (const [streamId, applier] of appliers) {
        applier.close();
        lane.unfollow(streamId);
        view.unfollow(streamId);
      }
      appliers.clear();
    },
  };
}
