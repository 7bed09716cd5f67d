import {
  type BackoffPolicy,
  backoffDelay,
  type EventDraft,
  type PayloadHash,
  type Ports,
} from '@autopilot/sync-contract';
import { type EventSink, eventFaults } from '../spacetime/event-sink.ts';
import type { StreamDirectory } from '../spacetime/stream-directory.ts';
import type { Outbox, PendingEvent } from './outbox.ts';
import { createReceiptRecorder } from './receipt-recorder.ts';
import { type SendResult, sendWindow, type WindowLimits } from './send-window.ts';
import { explain, type StalledStream, StreamAttempts } from './stream-attempts.ts';

/** Bounds of the writer. Times are milliseconds. */
export interface WriterLimits extends WindowLimits {
  /** Streams that are written at the same time. */
  readonly streams: number;
  /** How often the outbox is looked through for events that nobody has told of. */
  readonly poll: number;
  readonly backoff: BackoffPolicy;
  /** How often an event may meet an `internal` error before it counts as refused. */
  readonly internalAttempts: number;
}

/** 32 streams with up to 64 events or 1 MiB of payload in flight each. */
export const defaultWriterLimits: WriterLimits = {
  streams: 32,
  window: 64,
  windowBytes: 1024 * 1024,
  poll: 5_000,
  backoff: { floorMs: 0, baseMs: 200, capMs: 15_000 },
  internalAttempts: 8,
};

/** How many streams one look through the outbox can find. */
const streamsPerPoll = 1_000;

/** What the writer tells of. */
export interface WriterObserver {
  /** `code` is `appended`, `duplicate`, or why it failed. */
  appended(code: string, milliseconds: number): void;
  parked(event: PendingEvent, code: string, message: string): void;
  /** Something failed and will be tried again. */
  failed(streamId: string, error: unknown): void;
}

/** What the writer works with. */
export interface WriterOptions {
  readonly outbox: Outbox;
  readonly sink: EventSink;
  readonly directory: StreamDirectory;
  readonly ports: Ports;
  readonly limits: WriterLimits;
  readonly observer: WriterObserver;
}

/** Drains the outbox into the database. */
export interface ProjectionWriter {
  start(): void;
  /** Tells that streams have events to send. */
  nudge(streamIds: readonly string[]): void;
  /** Events that have been sent and not answered. */
  readonly inFlight: number;
  readonly stalled: readonly StalledStream[];
  /** Sends nothing more; resolves when nothing of the writer is running. */
  stop(): Promise<void>;
}

type Rest = 'done' | 'offline' | 'parked' | 'retry';

/**
 * A writer. Streams are independent of each other; within a stream an event is only sent when those before it are
 * delivered, or together with them in a window whose sequences hold it in place.
 */
export function createProjectionWriter(options: WriterOptions): ProjectionWriter {
  const { outbox, sink, directory, ports, limits, observer } = options;
  const record = createReceiptRecorder(outbox);
  const ready = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const resting = new Map<string, () => void>();
  const attempts = new StreamAttempts();
  /** The sequence that the next event of a stream will get, where it is known. */
  const nextSeq = new Map<string, bigint>();
  let inFlight = 0;
  let stopped = true;
  let cancelPoll = () => {};
  let unlisten = () => {};

  function dispatch(): void {
    for (const streamId of ready) {
      if (stopped || sink.status.state !== 'live' || running.size >= limits.streams) return;
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
      rest = failed(streamId, error);
    }
    running.delete(streamId);
    if (rest === 'done' || rest === 'parked') attempts.succeeded(streamId);
    if (rest === 'offline') ready.add(streamId);
    if (rest === 'retry' && !stopped) pause(streamId);
    dispatch();
  }

  function pause(streamId: string): void {
    // The count has the failure that led here already.
    const delay = backoffDelay(limits.backoff, attempts.of(streamId).count - 1, ports.random);
    const cancel = ports.scheduler.after(delay, () => {
      resting.delete(streamId);
      ready.add(streamId);
      dispatch();
    });
    resting.set(streamId, cancel);
  }

  function failed(streamId: string, error: unknown): Rest {
    attempts.failed(streamId, error);
    observer.failed(streamId, error);
    return 'retry';
  }

  async function drain(streamId: string): Promise<Rest> {
    await directory.ensure(streamId);
    for (;;) {
      if (stopped || sink.status.state !== 'live') return 'offline';
      const events = await outbox.head(streamId, limits.window);
      if (events.length === 0) return 'done';
      const expected = await expectedSeq(streamId);
      const results = await sendWindow(events, { expected, append, limits });
      const rest = await settle(streamId, results);
      if (rest !== undefined) return rest;
    }
  }

  /**
   * The sequence that the first waiting event must get; undefined when it is not known. Asked after those events were
   * read: when another replica has delivered some in the meantime, a window with sequences counted from before would
   * have an event late in it fit the place of an earlier one.
   */
  async function expectedSeq(streamId: string): Promise<bigint | undefined> {
    const next = nextSeq.get(streamId);
    if (next === undefined || !directory.soleWriter(streamId)) return undefined;
    const stored = (await outbox.progress(streamId))?.last_seq ?? null;
    return stored !== null && BigInt(stored) + 1n === next ? next : undefined;
  }

  /** Stores what arrived and decides about the first event that did not; undefined to go on at once. */
  async function settle(streamId: string, results: readonly SendResult[]): Promise<Rest | undefined> {
    const failure = results.find((result) => result.receipt === undefined);
    // Receipts behind a failure are left alone: the failed event may be in the database all the same, and the chain needs
    // every sequence in its turn. Those events are sent again and come back as duplicates.
    const settled = failure === undefined ? results : results.slice(0, results.indexOf(failure));
    const delivered = settled.flatMap(({ event, receipt }) => (receipt === undefined ? [] : [{ event, receipt }]));
    await record(delivered);
    if (delivered.length > 0) attempts.succeeded(streamId);
    const last = delivered.at(-1);
    if (failure === undefined) {
      if (last !== undefined) nextSeq.set(streamId, last.receipt.seq + 1n);
      return undefined;
    }
    const expected = nextSeq.delete(streamId);
    const { event, error } = failure;
    const { code, message } = explain(error);
    // The guess was wrong: the next turn sends one event without an expectation and learns where the stream is.
    if (code === 'sequence_conflict' && expected) return undefined;
    const met = attempts.of(streamId).internal + 1;
    if (eventFaults.has(code) || (code === 'internal' && met >= limits.internalAttempts)) {
      await outbox.bury(event.position, code, message);
      observer.parked(event, code, message);
      return 'parked';
    }
    if (code === 'unknown_stream') directory.forget(streamId);
    return failed(streamId, error);
  }

  async function append(event: PendingEvent, expected: bigint | undefined): Promise<SendResult> {
    const started = ports.clock.monotonic();
    inFlight += 1;
    try {
      const receipt = await sink.append(draftOf(event), expected);
      observer.appended(receipt.outcome, ports.clock.monotonic() - started);
      return { event, receipt };
    } catch (error) {
      observer.appended(explain(error).code, ports.clock.monotonic() - started);
      return { event, error };
    } finally {
      inFlight -= 1;
    }
  }

  async function poll(): Promise<void> {
    const most = ready.size + running.size + resting.size + streamsPerPoll;
    let pause = limits.poll;
    try {
      const streamIds = await outbox.drainable(most);
      for (const streamId of streamIds) ready.add(streamId);
      // There are more than one look could see.
      if (streamIds.length === most) pause = Math.min(pause, 100);
    } catch (error) {
      observer.failed('', error);
    }
    if (stopped) return;
    cancelPoll = ports.scheduler.after(pause, () => void poll());
    dispatch();
  }

  return {
    start() {
      if (!stopped) return;
      stopped = false;
      unlisten = sink.listen((status) => {
        if (status.state !== 'live') return;
        // What failed because the database was away need not wait any longer.
        for (const [streamId, cancel] of resting) {
          cancel();
          ready.add(streamId);
        }
        resting.clear();
        dispatch();
      });
      void poll();
    },
    nudge(streamIds) {
      for (const streamId of streamIds) ready.add(streamId);
      dispatch();
    },
    get inFlight() {
      return inFlight;
    },
    get stalled() {
      return attempts.stalled;
    },
    async stop() {
      stopped = true;
      unlisten();
      cancelPoll();
      for (const cancel of resting.values()) cancel();
      resting.clear();
      await Promise.all(running.values());
    },
  };
}

function draftOf({ stream_id, kind, payload, payload_hash, idempotency_key }: PendingEvent): EventDraft {
  return { stream_id, kind, payload, payload_hash: payload_hash as PayloadHash, idempotency_key };
}
