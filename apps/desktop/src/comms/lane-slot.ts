import type { LaneId, LaneSignal, LaneState, Ports, StreamPosition } from '@autopilot/sync-contract';
import { createRewindBudget } from '../sync/rewind-budget.ts';
import type { SyncLane } from '../sync/sync-lane.ts';
import type { Span } from './stream-join.ts';

/** What a lane said of one stream. */
export interface SlotStream {
  span: Span;
  /** The last head it named, and the epoch it was of. */
  head: { readonly epoch: string; readonly head: bigint } | undefined;
  /** It has brought something or named a head since it was last put to a place. */
  confirmed: boolean;
  /** The code of its refusal, and when to ask again, monotonic. */
  refused: { readonly code: string; readonly askAgainAt: number } | undefined;
  readonly budget: ReturnType<typeof createRewindBudget>;
}

/** How often in how many milliseconds a lane that is only compared is put to another place by itself. */
const placings = { limit: 6, windowMs: 60_000 } as const;
/** A stream that was refused is asked for again after so long. */
export const askAgainMs = 5000;

/** One open lane, with how far it has read every stream. */
export class LaneSlot {
  readonly id: LaneId;
  readonly lane: SyncLane;
  readonly streams = new Map<string, SlotStream>();
  readonly #ports: Ports;

  constructor(lane: SyncLane, ports: Ports) {
    this.id = lane.id;
    this.lane = lane;
    this.#ports = ports;
  }

  get state(): LaneState {
    return this.lane.state;
  }

  follow(streamId: string, after: StreamPosition | null): void {
    const known = this.streams.get(streamId);
    if (known === undefined || known.refused !== undefined) this.#place(streamId, after);
    this.lane.follow(streamId, after);
  }

  rewind(streamId: string, after: StreamPosition | null): void {
    this.#place(streamId, after);
    this.lane.rewind(streamId, after);
  }

  unfollow(streamId: string): void {
    this.streams.delete(streamId);
    this.lane.unfollow(streamId);
  }

  /** Notes what a signal says of where the lane is; call it for every signal, before anything else. */
  note(signal: LaneSignal): void {
    if (signal.type === 'state') {
      // Live says it of every stream that it follows.
      if (signal.to === 'live') for (const stream of this.streams.values()) stream.confirmed = true;
      return;
    }
    if (signal.type === 'transient') return;
    const stream = this.streams.get(signal.stream_id);
    if (stream === undefined) return;
    if (signal.type === 'stream-closed') {
      const askAgainAt = this.#ports.clock.monotonic() + askAgainMs;
      stream.refused = { code: signal.code, askAgainAt };
      return;
    }
    stream.refused = undefined;
    if (signal.type !== 'stale') stream.confirmed = true;
    if (signal.type === 'head') stream.head = { epoch: signal.epoch, head: signal.head };
    if (signal.type !== 'batch') return;
    const last = signal.events.at(-1);
    if (last === undefined) return;
    const { start } = stream.span;
    const end = { epoch: last.epoch, seq: last.seq };
    stream.span = { start: start === null || start.epoch === end.epoch ? start : { epoch: end.epoch, seq: 0n }, end };
    if (stream.head?.epoch !== last.epoch || signal.head > stream.head.head) {
      stream.head = { epoch: last.epoch, head: signal.head };
    }
  }

  /**
   * Puts a lane that is only compared to where it can read on, after a stale cursor: to its own end when it merely has
   * less than was asked for, to its floor otherwise. False when that did not help several times: the stream is refused.
   */
  replace(signal: Extract<LaneSignal, { type: 'stale' }>): boolean {
    const stream = this.streams.get(signal.stream_id);
    if (stream === undefined) return false;
    const now = this.#ports.clock.monotonic();
    if (!stream.budget.take(now)) {
      stream.refused = { code: `stale (${signal.reason})`, askAgainAt: now + placings.windowMs };
      return false;
    }
    const asked = stream.span.end;
    const short = asked !== null && asked.epoch === signal.floor.epoch && signal.head < asked.seq;
    this.rewind(signal.stream_id, short ? { epoch: signal.floor.epoch, seq: signal.head } : signal.floor);
    return true;
  }

  /** Streams that were refused and are due to be asked for again. */
  dueRefusals(now: number): string[] {
    const due = [...this.streams].filter(([, { refused }]) => refused !== undefined && now >= refused.askAgainAt);
    return due.map(([streamId]) => streamId);
  }

  hasRefusals(): boolean {
    return [...this.streams.values()].some(({ refused }) => refused !== undefined);
  }

  #place(streamId: string, after: StreamPosition | null): void {
    const known = this.streams.get(streamId);
    const budget = known?.budget ?? createRewindBudget(placings.limit, placings.windowMs);
    const span = { start: after, end: after };
    this.streams.set(streamId, { span, head: known?.head, confirmed: false, refused: undefined, budget });
  }
}
