import type { Clock, LaneId, LaneSignal, LaneState, SyncEvent } from '@autopilot/sync-contract';
import { type AlarmCode, createAlarmBoard } from './alarms.ts';
import type { BridgeState } from './bridge-state.ts';
import type { CommsState } from './comms-state.ts';
import type { ConnectionState, DesktopState, FeedState, TokenState, Totals, Transition } from './desktop-state.ts';
import { createHistory } from './history.ts';
import { createReplayProgress } from './replay-progress.ts';
import { createSampleWindow } from './sample-window.ts';
import { type AppliedPosition, type Standstill, StreamRecord } from './stream-record.ts';

/** What the lane can tell at any moment, besides its signals. */
export type LaneFacts = Pick<
  ConnectionState,
  'attempts' | 'next_retry_ms' | 'protocol' | 'identity' | 'database' | 'uri'
>;

/** What the view model reads when a snapshot is made. */
export interface ViewSources {
  readonly clock: Clock;
  readonly boot: DesktopState['boot'];
  lane(): LaneFacts;
  token(): TokenState | null;
  feed(): FeedState | null;
  /** Left out where nobody decides about lanes. */
  comms?(): CommsState | null;
  /** Left out where nobody asks control for it. */
  bridge?(): BridgeState;
}

/** Events that are in the store now. */
export interface AppliedBatch {
  /** The lane that brought them. */
  readonly lane: LaneId;
  readonly stream_id: string;
  /** At least one, in order. */
  readonly events: readonly SyncEvent[];
  readonly source: 'replay' | 'live';
  readonly position: AppliedPosition;
}

/** Counters that the pipeline moves one by one. */
export type Counter = Exclude<keyof Totals, 'applied' | 'stored'>;

const transitionLimit = 200;
const latencyWindow = 4096;
const historyStepMs = 1000;
const historySteps = 300;
const rateSteps = 3;
/** The clocks of two machines, or of one read at different precision, differ by this much without meaning anything. */
const skewTolerance = 5;

/** How often {@link ViewModel.tick} is to be called, in milliseconds. */
export const tickMs = historyStepMs;

const connected: ReadonlySet<LaneState> = new Set<LaneState>(['subscribing', 'replaying', 'live', 'draining']);

/** Turns what happens in the core into snapshots. */
export class ViewModel {
  readonly #sources: ViewSources;
  readonly #alarms;
  readonly #history;
  readonly #replay = createReplayProgress();
  readonly #latency = createSampleWindow(latencyWindow);
  /** Latency since somebody last took note of it. */
  #recent = createSampleWindow(latencyWindow);
  #recentSkewed = 0;
  readonly #streams = new Map<string, StreamRecord>();
  readonly #listeners = new Set<() => void>();
  readonly #totals = { applied: 0, stored: 0, duplicates: 0, gaps: 0, conflicts: 0, resets: 0, stale: 0 };
  #transitions: readonly Transition[] = [];
  #state: LaneState = 'idle';
  #since: number;
  #lane: LaneId | null = null;
  #skewed = 0;
  #version = 0;
  #level = false;
  #leftLevelAt: number | undefined;

  constructor(sources: ViewSources) {
    this.#sources = sources;
    const { clock } = sources;
    this.#since = clock.now();
    this.#alarms = createAlarmBoard(() => clock.now());
    this.#history = createHistory(historyStepMs, historySteps, clock.now());
  }

  /** Runs after every change; the listener asks for a snapshot when it wants one. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  laneState(signal: Extract<LaneSignal, { type: 'state' }>): void {
    const at = this.#sources.clock.now();
    const { from, to, reason } = signal;
    const transition = { at, from, to, reason, message: signal.message ?? null };
    this.#transitions = [...this.#transitions, transition].slice(-transitionLimit);
    this.#state = to;
    this.#since = at;
    this.#replay.laneState(to, at, this.#missing());
    if (!connected.has(to)) for (const stream of this.#streams.values()) stream.lostConnection();
    this.#changed(...this.#streams.values());
  }

  /** A stream that is followed from `position`; `stored` of its events are in the store from earlier runs. */
  follow(streamId: string, position: AppliedPosition, stored = 0): void {
    this.#totals.stored += stored;
    const stream = new StreamRecord(streamId, position);
    this.#streams.set(streamId, stream);
    this.#changed(stream);
  }

  unfollow(streamId: string): void {
    this.#streams.delete(streamId);
    this.#changed();
  }

  /** Call when the events are committed, never before. */
  applied(batch: AppliedBatch): void {
    const stream = this.#stream(batch.stream_id);
    const last = batch.events.at(-1);
    if (stream === undefined || last === undefined) return;
    this.#lane = batch.lane;
    this.#totals.applied += batch.events.length;
    this.#history.countApplied(batch.events.length);
    this.#replay.countApplied(batch.events.length);
    if (batch.source === 'live') for (const event of batch.events) this.#measure(event);
    stream.moveTo(batch.position);
    stream.applied(last.kind, Number(last.committed_at / 1000n));
    this.#changed(stream);
  }

  count(counter: Counter, events = 1): void {
    this.#totals[counter] += events;
    this.#changed();
  }

  /** The stream was set to another position without applying events. */
  moved(streamId: string, position: AppliedPosition): void {
    const stream = this.#stream(streamId);
    stream?.jumpTo(position);
    this.#changed(stream);
  }

  head(streamId: string, head: bigint): void {
    const stream = this.#stream(streamId);
    stream?.sawHead(head);
    this.#changed(stream);
  }

  /** The host named its chain at the applied watermark. */
  chainProven(streamId: string, equal: boolean): void {
    const stream = this.#stream(streamId);
    stream?.proved(equal);
    this.#changed(stream);
  }

  standStill(streamId: string, standstill: Standstill | undefined): void {
    const stream = this.#stream(streamId);
    stream?.standStill(standstill);
    this.#changed(stream);
  }

  remark(streamId: string, text: string): void {
    const stream = this.#stream(streamId);
    stream?.remark(text);
    this.#changed(stream);
  }

  raise(code: AlarmCode, message: string, streamId?: string): void {
    if (this.#alarms.raise(code, message, streamId)) this.#changed();
  }

  clear(code: AlarmCode, streamId?: string): void {
    if (this.#alarms.clear(code, streamId)) this.#changed();
  }

  /** Latency since {@link forgetLatency}; null without a sample. */
  recentLatency(): { readonly p95_ms: number | null; readonly samples: number; readonly skewed: number } {
    return { p95_ms: this.#recent.percentile(95), samples: this.#recent.size, skewed: this.#recentSkewed };
  }

  forgetLatency(): void {
    this.#recent = createSampleWindow(latencyWindow);
    this.#recentSkewed = 0;
  }

  /** What the page shows besides signals has changed. */
  touch(): void {
    this.#changed();
  }

  /** Ends a step of the history; call it every {@link tickMs}. */
  tick(): void {
    const lag = this.#lagEvents();
    this.#history.step(this.#sources.clock.now(), lag === null ? null : Number(lag));
    this.#changed();
  }

  snapshot(): DesktopState {
    const { clock, boot } = this.#sources;
    const now = clock.now();
    const monotonic = clock.monotonic();
    const last = this.#transitions.at(-1);
    return {
      version: this.#version,
      now,
      boot,
      connection: {
        lane: this.#lane,
        state: this.#state,
        since: this.#since,
        reason: last?.reason ?? null,
        message: last?.message ?? null,
        ...this.#sources.lane(),
      },
      token: this.#sources.token(),
      totals: { ...this.#totals },
      lag: { events: this.#lagEvents(), seconds: this.#lagSeconds(monotonic) },
      latency: {
        p50_ms: this.#latency.percentile(50),
        p99_ms: this.#latency.percentile(99),
        samples: this.#latency.size,
        skewed: this.#skewed,
      },
      replay: this.#replay.snapshot(this.#missing(), this.#history.rate(now, rateSteps)),
      streams: [...this.#streams.values()]
        .map((stream) => stream.view(monotonic))
        .sort((a, b) => (a.stream_id < b.stream_id ? -1 : 1)),
      transitions: this.#transitions,
      alarms: this.#alarms.list(),
      feed: this.#sources.feed(),
      comms: this.#sources.comms?.() ?? null,
      bridge: this.#sources.bridge?.() ?? null,
      history: this.#history.snapshot(),
    };
  }

  #stream(streamId: string): StreamRecord | undefined {
    return this.#streams.get(streamId);
  }

  #measure(event: SyncEvent): void {
    const elapsed = this.#sources.clock.now() - Number(event.committed_at) / 1000;
    if (elapsed < -skewTolerance) {
      this.#skewed += 1;
      this.#recentSkewed += 1;
      const by = Math.round(-elapsed);
      this.raise('clock_skew', `The host committed an event ${by} ms in this machine's future: no latency from it.`);
      return;
    }
    this.clear('clock_skew');
    this.#latency.add(Math.max(0, elapsed));
    this.#recent.add(Math.max(0, elapsed));
  }

  /** Events known to be missing: of the streams whose head is known. */
  #missing(): number {
    let missing = 0n;
    for (const stream of this.#streams.values()) missing += stream.lag ?? 0n;
    return Number(missing);
  }

  /** Null as long as one head is not known: a sum of some streams would look better than it is. */
  #lagEvents(): bigint | null {
    let lag: bigint | null = null;
    for (const stream of this.#streams.values()) {
      if (stream.closed) continue;
      if (stream.lag === null) return null;
      lag = (lag ?? 0n) + stream.lag;
    }
    return lag;
  }

  #lagSeconds(monotonic: number): number | null {
    if (this.#level) return 0;
    return this.#leftLevelAt === undefined ? null : (monotonic - this.#leftLevelAt) / 1000;
  }

  #changed(...streams: readonly (StreamRecord | undefined)[]): void {
    const monotonic = this.#sources.clock.monotonic();
    for (const stream of streams) stream?.settle(monotonic);
    const level = this.#lagEvents() === 0n;
    if (!level && this.#level) this.#leftLevelAt = monotonic;
    this.#level = level;
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}
