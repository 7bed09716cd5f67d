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
  /** Follows all of these; one of them that is closed is asked for again from time to time. */
  granted(streamIds: readonly string[]): void;
  /** Ends every timer and forgets the streams of the view; the lane stays as it is, without its streams. */
  close(): void;
}

export interface PipelineOptions {
  readonly lane: Lane & ApplierContext['lane'];
  readonly store: CheckpointStore;
  readonly view: ViewModel;
  readonly acks: Pick<AckQueue, 'note'>;
  readonly ports: Ports;
  readonly log: Log;
}

const watchMs = 1000;
/**
 * A granted stream that was closed may be there again without a change of its grant: made anew after it was retired, or
 * granted again while the refusal was on its way. So it is asked for once in so many milliseconds.
 */
const askAgainMs = 5000;
const connected: ReadonlySet<LaneState> = new Set<LaneState>(['replaying', 'live']);
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
  /** When each closed stream is to be asked for again, monotonic; undefined while it is asked for. */
  const closedStreams = new Map<string, number | undefined>();
  let grantedStreams: ReadonlySet<string> = new Set();

  const askAgain = (streamId: string, applier: StreamApplier) => {
    closedStreams.set(streamId, undefined);
    lane.follow(streamId, applier.position);
  };
  const follow = (streamId: string) => {
    const known = appliers.get(streamId);
    if (known === undefined) {
      const applier = new StreamApplier(context, streamId);
      appliers.set(streamId, applier);
      lane.follow(streamId, applier.position);
    } else if (closedStreams.has(streamId)) {
      askAgain(streamId, known);
    }
  };
  const onSignal = (signal: LaneSignal) => {
    if (signal.type === 'state') {
      if (disconnected.has(signal.to)) for (const applier of appliers.values()) applier.lostConnection();
      return;
    }
    const applier = appliers.get(signal.stream_id);
    if (applier === undefined) return;
    if (signal.type !== 'stream-closed' && signal.type !== 'transient' && closedStreams.has(signal.stream_id)) {
      // What comes late of a stream that nobody has asked for again is not an answer.
      if (closedStreams.get(signal.stream_id) !== undefined) return;
      closedStreams.delete(signal.stream_id);
      applier.reopen();
    }
    switch (signal.type) {
      case 'batch':
        return applier.batch(signal);
      case 'head':
        return applier.head(signal);
      case 'stale':
        return applier.stale(signal);
      case 'stream-closed':
        closedStreams.set(signal.stream_id, ports.clock.monotonic() + askAgainMs);
        return applier.closed(signal);
      case 'transient':
        // Nothing to apply: it is never checkpointed, and this page shows no presence yet.
        return;
    }
  };
  const lookForClosed = (now: number) => {
    for (const [streamId, at] of closedStreams) {
      const applier = appliers.get(streamId);
      if (at === undefined || now < at || applier === undefined || !grantedStreams.has(streamId)) continue;
      askAgain(streamId, applier);
    }
  };
  const watch = () => {
    for (const applier of appliers.values()) applier.watch(lane.state === 'live');
    if (connected.has(lane.state)) lookForClosed(ports.clock.monotonic());
    cancelWatch = ports.scheduler.after(watchMs, watch);
  };
  const unlisten = lane.listen(onSignal);
  let cancelWatch = ports.scheduler.after(watchMs, watch);
  for (const stream of store.streams()) follow(stream.stream_id);
  return {
    follow,
    granted(streamIds) {
      grantedStreams = new Set(streamIds);
      for (const streamId of streamIds) follow(streamId);
    },
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
