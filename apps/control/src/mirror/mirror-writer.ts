import { type BackoffPolicy, backoffDelay, isCodedError, type Ports, topicForStreamId } from '@autopilot/sync-contract';
import type { KhalaTarget, MirrorReceipt } from './khala-target.ts';
import type { MirrorBreak } from './mirror-intake.ts';
import type { MirrorQueue } from './mirror-queue.ts';

/** Bounds of the mirror. Times are milliseconds. */
export interface MirrorLimits {
  /** Streams that are written at the same time. */
  readonly streams: number;
  /** Events that are sent before their receipts are stored. */
  readonly batch: number;
  readonly poll: number;
  readonly backoff: BackoffPolicy;
  /** For how long one replica may write to khala before it has to ask again. */
  readonly lease: number;
  /** Longest time that one call of khala may take. */
  readonly call: number;
}

/** Eight streams, one event of each at a time; another replica takes over after half a minute of silence. */
export const defaultMirrorLimits: MirrorLimits = {
  streams: 8,
  batch: 64,
  poll: 1_000,
  backoff: { floorMs: 0, baseMs: 200, capMs: 15_000 },
  lease: 30_000,
  call: 10_000,
};

/** What the mirror tells of. */
export interface MirrorObserver {
  published(outcome: MirrorReceipt['outcome']): void;
  /** Will be tried again. */
  failed(streamId: string, error: unknown): void;
  /** Khala will get nothing more of the stream. */
  broken(streamId: string, reason: MirrorBreak, events: number, error: unknown): void;
}

/** What the mirror works with. */
export interface MirrorWriterOptions {
  readonly queue: MirrorQueue;
  readonly target: KhalaTarget;
  readonly ports: Ports;
  readonly limits: MirrorLimits;
  readonly observer: MirrorObserver;
  /** Whether khala is to be written to at all; what waits meanwhile goes on waiting. */
  readonly wanted: () => boolean;
  /** Names this process among the replicas. */
  readonly holder: string;
}

/** Writes what was accepted to khala. */
export interface MirrorWriter {
  start(): void;
  /** Tells that streams have events to send. */
  nudge(streamIds: readonly string[]): void;
  /** Sends nothing more; resolves when nothing of it is running. */
  stop(): Promise<void>;
}

type Rest = 'done' | 'retry' | 'waiting';

/**
 * A mirror. Khala has no idempotency keys, so an event is sent only when the one before it is known to be there, and
 * only by the replica that holds the lease; after a start or an unknown outcome khala is read before anything is sent.
 */
export function createMirrorWriter(options: MirrorWriterOptions): MirrorWriter {
  const { queue, target, ports, limits, observer, wanted, holder } = options;
  const ready = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const resting = new Map<string, () => void>();
  const attempts = new Map<string, number>();
  /** Streams whose last call had a known outcome in this process. */
  const certain = new Set<string>();
  let leasedUntil = Number.NEGATIVE_INFINITY;
  let stopped = true;
  let cancelPoll = () => {};
  let polling: Promise<void> = Promise.resolve();

  // A call that is begun must end within the lease.
  const mayCall = () => !stopped && wanted() && ports.clock.monotonic() + limits.call < leasedUntil;

  function dispatch(): void {
    for (const streamId of ready) {
      if (!mayCall() || running.size >= limits.streams) return;
      if (running.has(streamId) || resting.has(streamId)) continue;
      ready.delete(streamId);
      running.set(streamId, run(streamId));
    }
  }

  async function run(streamId: string): Promise<void> {
    let rest: Rest;
    try {
      rest = await drain(streamId);
    } catch (error) {
      observer.failed(streamId, error);
      rest = 'retry';
    }
    running.delete(streamId);
    if (rest === 'done') attempts.delete(streamId);
    if (rest === 'waiting') ready.add(streamId);
    if (rest === 'retry' && !stopped) pause(streamId);
    dispatch();
  }

  function pause(streamId: string): void {
    const failures = attempts.get(streamId) ?? 0;
    attempts.set(streamId, failures + 1);
    const cancel = ports.scheduler.after(backoffDelay(limits.backoff, failures, ports.random), () => {
      resting.delete(streamId);
      ready.add(streamId);
      dispatch();
    });
    resting.set(streamId, cancel);
  }

  async function drain(streamId: string): Promise<Rest> {
    const workerId = topicForStreamId(streamId);
    for (;;) {
      if (!mayCall()) return 'waiting';
      const { events, epoch, after } = await queue.head(streamId, limits.batch);
      if (events.length === 0) return 'done';
      let position: number | undefined;
      let seq = after;
      let failure: { readonly error: unknown } | undefined;
      for (const event of events) {
        if (!mayCall()) break;
        try {
          const doubt = !certain.has(streamId);
          // Until the call has ended its outcome is not known.
          certain.delete(streamId);
          const receipt = await target.publish(workerId, { ...event, epoch }, { after: seq, doubt });
          // A duplicate was found by reading; the event after it may have arrived as well.
          if (receipt.outcome === 'appended') certain.add(streamId);
          observer.published(receipt.outcome);
          attempts.delete(streamId);
          ({ position } = event);
          seq = receipt.seq;
        } catch (error) {
          failure = { error };
          break;
        }
      }
      if (position !== undefined) await queue.settle(streamId, position, seq);
      if (failure === undefined) continue;
      if (isCodedError(failure.error) && failure.error.recovery === 'stop') {
        const events = await queue.giveUp(streamId, 'refused');
        observer.broken(streamId, 'refused', events, failure.error);
        return 'done';
      }
      observer.failed(streamId, failure.error);
      return 'retry';
    }
  }

  async function poll(): Promise<void> {
    try {
      const asked = ports.clock.monotonic();
      const held = asked < leasedUntil;
      if (await queue.acquire(holder, limits.lease)) {
        // Somebody else may have written since: nothing is certain after a time without the lease.
        if (!held) certain.clear();
        leasedUntil = asked + limits.lease;
        for (const streamId of await queue.streams(ready.size + running.size + resting.size + limits.streams * 4)) {
          if (!running.has(streamId)) ready.add(streamId);
        }
      }
    } catch (error) {
      observer.failed('', error);
    }
    if (stopped) return;
    cancelPoll = ports.scheduler.after(Math.min(limits.poll, limits.lease / 4), look);
    dispatch();
  }

  function look(): void {
    polling = poll();
  }

  return {
    start() {
      if (!stopped) return;
      stopped = false;
      look();
    },
    nudge(streamIds) {
      for (const streamId of streamIds) ready.add(streamId);
      dispatch();
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      cancelPoll();
      for (const cancel of resting.values()) cancel();
      resting.clear();
      await Promise.all([polling, ...running.values()]);
      await queue.release(holder);
      leasedUntil = Number.NEGATIVE_INFINITY;
    },
  };
}
