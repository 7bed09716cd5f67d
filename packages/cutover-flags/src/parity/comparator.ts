import type { Cancel, Clock, Scheduler, StreamPosition } from '@autopilot/sync-contract';
import { type ComparedEvent, differingFields, otherSide, type Side, sides } from './event.ts';
import { type ComparatorLimits, type ComparatorOptions, checkOptions } from './options.ts';
import { bounded } from './samples.ts';
import { type Difference, Tally } from './tally.ts';
import { type Held, Track, type TrackSide } from './track.ts';
import { isUnequal, type NotComparedReason, type ParityWindow, type StreamChains } from './window.ts';

/** Lives of one stream that are remembered: the current one, and those that a side may still be finishing. */
const mostEpochs = 4;

/** Moves of one stream that are remembered. */
const mostMoves = 100;

/** A side said that the stream goes on in another life. */
interface Move {
  readonly side: Side;
  readonly epoch: string;
  /** Since when the other side could have said so too, monotonic milliseconds. */
  since: number;
}

interface Stream {
  readonly tracks: Track[];
  /** Moves that the other side has not made yet, by side and place. */
  readonly moves: Map<string, Move>;
  /** Places that were counted: a side that is read again says the same again. */
  readonly counted: Set<string>;
  /** Lives that a side was told to read or said to have moved to. */
  readonly lives: Record<Side, Set<string>>;
  /** Sides that read every life of the stream from its first event. */
  readonly whole: Record<Side, boolean>;
}

/** Compares two readers of the same streams. No call blocks, and `offer` never throws. */
export interface Comparator {
  /** A side will bring the stream from the position after `after` on; null for every life of it from its first event. */
  begin(side: Side, streamId: string, after: StreamPosition | null): void;
  /** A side brought an event. */
  offer(side: Side, event: ComparedEvent): void;
  /** A side went down: nothing is missing on it until it resumes, stream by stream. */
  pause(side: Side): void;
  /** A side goes on in one stream from the position after `after`. */
  resume(side: Side, streamId: string, after: StreamPosition | null): void;
  /**
   * A side says that the stream goes on in another life behind `to`, and need not bring anything of it. Unless the other
   * side moves there as well within the tolerance, or brings something of that life, the position behind `to` is absent.
   */
  moved(side: Side, streamId: string, to: StreamPosition): void;
  /** The stream is no longer compared: what waits for the other side counts as not compared. */
  end(streamId: string): void;
  /**
   * A side cannot be read any further in the stream, which ends here. What the other side brought is missing on it, a move
   * that the other side has not made is absent, and where there is neither, the place where the side stopped is.
   */
  abandon(side: Side, streamId: string): void;
  /** Counts and samples since the last window; a new window begins. */
  takeWindow(): ParityWindow;
  /** Everything since the comparator was made. */
  report(): ParityWindow;
  /** Settles everything that waits as if the tolerance were over, except for a side that is paused or has not begun. */
  settle(): void;
  /** Ends the timer; offers are still counted and compared. */
  close(): void;
}

/**
 * Makes a comparator.
 *
 * @throws {ParityError} `invalid_options`, `invalid_rule`.
 */
export function createComparator(options: ComparatorOptions): Comparator {
  return new StreamComparator(options);
}

class StreamComparator implements Comparator {
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #owns: (streamId: string) => boolean;
  readonly #tolerance: number;
  readonly #toleranceEvents: number;
  readonly #limits: ComparatorLimits;
  readonly #tally: Tally;
  readonly #streams = new Map<string, Stream>();
  readonly #paused: Record<Side, boolean> = { left: false, right: false };
  #pending = 0;
  /** Moves that wait for the other side, of all streams. */
  #moves = 0;
  #timer: Cancel | null = null;
  #closed = false;

  constructor(options: ComparatorOptions) {
    this.#limits = checkOptions(options);
    this.#clock = options.ports.clock;
    this.#scheduler = options.ports.scheduler;
    this.#owns = options.owns ?? (() => true);
    this.#tolerance = options.tolerance_ms ?? 5_000;
    this.#toleranceEvents = options.tolerance_events ?? Number.POSITIVE_INFINITY;
    this.#tally = new Tally(options, this.#limits);
  }

  begin(side: Side, streamId: string, after: StreamPosition | null): void {
    if (!this.#isOwn(streamId)) return;
    const stream = this.#open(streamId);
    if (stream === null) return;
    if (after !== null) noteLife(stream, side, after.epoch);
    if (after === null) {
      stream.whole[side] = true;
      for (const track of stream.tracks) this.#cover(track, side, 0n);
    } else {
      this.#cover(this.#track(stream, streamId, after.epoch, after.seq), side, after.seq);
    }
  }

  offer(side: Side, event: ComparedEvent): void {
    const now = this.#tally.now;
    now.offered[side] += 1;
    if (typeof event?.seq !== 'bigint' || event.seq < 1n || typeof event.payload !== 'string') {
      this.#tally.leaveOut('malformed');
      return;
    }
    const stream = this.#streams.get(event.stream_id);
    if (stream === undefined) {
      if (!this.#isOwn(event.stream_id)) now.foreign += 1;
      else this.#tally.leaveOut(this.#streams.size < this.#limits.streams ? 'not_begun' : 'too_many_streams');
      return;
    }
    const track = this.#trackOf(stream, side, event);
    if (track === undefined || !track.side(side).begun) this.#tally.leaveOut('not_begun');
    else this.#arrive(track, side, event);
  }

  pause(side: Side): void {
    this.#paused[side] = true;
    this.#tally.pause(side);
    for (const { tracks } of this.#streams.values()) for (const track of tracks) track.side(side).paused = true;
  }

  resume(side: Side, streamId: string, after: StreamPosition | null): void {
    this.#paused[side] = false;
    this.#tally.resume(side);
    const stream = this.#streams.get(streamId);
    if (stream !== undefined && after !== null) noteLife(stream, side, after.epoch);
    for (const move of stream?.moves.values() ?? []) if (move.side !== side) move.since = this.#clock.monotonic();
    const known = stream?.tracks.some(
      (track) => (after === null || track.epoch === after.epoch) && track.side(side).begun,
    );
    if (stream === undefined || known !== true) {
      for (const track of stream?.tracks ?? []) this.#leave(track, side);
      this.begin(side, streamId, after);
      return;
    }
    for (const track of stream.tracks) {
      if (after === null || track.epoch === after.epoch) this.#resumeAt(track, side, after?.seq ?? 0n);
      else this.#leave(track, side);
    }
  }

  moved(side: Side, streamId: string, to: StreamPosition): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    noteLife(stream, side, to.epoch);
    const place = `${side} ${to.seq} ${to.epoch}`;
    if (stream.counted.has(place) || stream.moves.has(place) || stream.moves.size >= mostMoves) return;
    stream.moves.set(place, { side, epoch: to.epoch, since: this.#clock.monotonic() });
    this.#moves += 1;
    this.#schedule();
  }

  end(streamId: string): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    for (const track of stream.tracks) this.#forget(track);
    this.#moves -= stream.moves.size;
    this.#streams.delete(streamId);
  }

  abandon(side: Side, streamId: string): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    const before = this.#tally.now.positions + this.#tally.now.absent;
    for (const track of stream.tracks) {
      if (!track.side(side).begun || track.side(side).paused) continue;
      for (const [position, held] of track.side(otherSide(side)).held) {
        this.#giveUp(track, otherSide(side), position, held);
      }
    }
    this.#sweepMoves(stream, Number.POSITIVE_INFINITY);
    if (this.#tally.now.positions + this.#tally.now.absent === before) this.#tally.now.absent += 1;
    this.end(streamId);
  }

  takeWindow(): ParityWindow {
    this.#sweep(this.#clock.monotonic());
    const { chains, unequal } = this.#chains();
    return this.#tally.window(chains, unequal, this.#pending, true);
  }

  report(): ParityWindow {
    this.#sweep(this.#clock.monotonic());
    const { chains, unequal } = this.#chains();
    return this.#tally.total(chains, unequal, this.#pending);
  }

  settle(): void {
    this.#sweep(Number.POSITIVE_INFINITY);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.();
    this.#timer = null;
  }

  #isOwn(streamId: string): boolean {
    try {
      return this.#owns(streamId);
    } catch {
      this.#tally.now.faults += 1;
      return false;
    }
  }

  #open(streamId: string): Stream | null {
    const known = this.#streams.get(streamId);
    if (known !== undefined) return known;
    if (this.#streams.size >= this.#limits.streams) return null;
    const stream: Stream = {
      tracks: [],
      moves: new Map(),
      counted: new Set(),
      lives: { left: new Set(), right: new Set() },
      whole: { left: false, right: false },
    };
    this.#streams.set(streamId, stream);
    return stream;
  }

  #track(stream: Stream, streamId: string, epoch: string, base: bigint): Track {
    const known = stream.tracks.find((track) => track.epoch === epoch);
    if (known !== undefined) return known;
    const track = new Track(streamId, epoch, base);
    stream.tracks.push(track);
    if (stream.tracks.length > mostEpochs) {
      const oldest = stream.tracks.shift();
      if (oldest !== undefined) this.#forget(oldest);
    }
    for (const side of sides) if (stream.whole[side]) this.#cover(track, side, 0n);
    return track;
  }

  /** The life of the stream that an event belongs to; one that is new is opened for a side that reads every life. */
  #trackOf(stream: Stream, side: Side, event: ComparedEvent): Track | undefined {
    for (const track of stream.tracks) if (track.epoch === event.epoch) return track;
    return stream.whole[side] ? this.#track(stream, event.stream_id, event.epoch, 0n) : undefined;
  }

  #cover(track: Track, side: Side, after: bigint): void {
    const mine = track.side(side);
    if (mine.begun) {
      this.#resumeAt(track, side, after);
      return;
    }
    const theirs = track.side(otherSide(side));
    mine.begun = true;
    mine.paused = this.#paused[side];
    mine.start = track.offset(after);
    mine.highest = mine.start;
    const start = Math.max(mine.start, theirs.start);
    this.#release(theirs, (position) => position <= start, 'before_start');
    this.#giveGrace(mine, theirs);
    track.openChains(this.#limits.pending_per_stream);
  }

  #resumeAt(track: Track, side: Side, after: bigint): void {
    const mine = track.side(side);
    const theirs = track.side(otherSide(side));
    const position = track.offset(after);
    mine.paused = false;
    if (position > mine.highest) {
      const before = mine.highest;
      mine.gaps.push(before + 1, position);
      mine.highest = position;
      this.#release(theirs, (held) => held > before && held <= position, 'paused');
    } else {
      mine.replayTo = mine.highest;
    }
    this.#giveGrace(mine, theirs);
    track.advance();
  }

  /** The side goes on in another life of the stream: what it was down for will not come. */
  #leave(track: Track, side: Side): void {
    if (track.side(side).paused) this.#release(track.side(otherSide(side)), () => true, 'paused');
  }

  #giveGrace(mine: TrackSide, theirs: TrackSide): void {
    mine.graceUntil = this.#clock.monotonic() + this.#tolerance;
    mine.catchUpTo = theirs.highest;
  }

  /** Lets go of events that the other side will never bring, since it was not there. */
  #release(side: TrackSide, which: (position: number) => boolean, reason: 'before_start' | 'paused'): void {
    for (const position of side.held.keys()) {
      if (!which(position)) continue;
      side.held.delete(position);
      this.#pending -= 1;
      this.#tally.leaveOut(reason);
    }
  }

  #arrive(track: Track, side: Side, event: ComparedEvent): void {
    const mine = track.side(side);
    const theirs = track.side(otherSide(side));
    const position = track.offset(event.seq);
    if (position <= mine.start || (theirs.begun && position <= theirs.start)) {
      if (position > mine.highest) mine.highest = position;
      this.#tally.leaveOut('before_start');
      return;
    }
    const now = this.#clock.monotonic();
    // A side that is catching up is not late as long as it moves.
    if (mine.highest < mine.catchUpTo || position <= mine.replayTo) mine.graceUntil = now + this.#tolerance;
    let reordered = false;
    if (position > mine.highest) {
      if (position > mine.highest + 1) mine.holes.push(mine.highest + 1, position - 1);
      mine.highest = position;
    } else if (mine.holes.take(position)) {
      reordered = position > mine.replayTo;
    } else if (position <= mine.replayTo) {
      this.#tally.leaveOut('replayed');
      return;
    } else {
      this.#repeat(track, side, event);
      return;
    }
    const waiting = theirs.held.get(position);
    if (waiting !== undefined) this.#meet(track, side, position, event, waiting, reordered, now);
    else this.#first(track, side, position, event, reordered, now);
    track.advance();
  }

  /** Both sides have it now. */
  #meet(
    track: Track,
    side: Side,
    position: number,
    event: ComparedEvent,
    waiting: Held,
    reordered: boolean,
    now: number,
  ) {
    const theirs = track.side(otherSide(side));
    if (this.#isDue(waiting, track.side(side), now)) {
      // The timer has not come round yet, but the tolerance is over.
      this.#giveUp(track, otherSide(side), position, waiting);
      this.#late(track, side, position, event);
      return;
    }
    theirs.held.delete(position);
    this.#pending -= 1;
    const { now: tally } = this.#tally;
    tally.positions += 1;
    tally.pairs += 1;
    const pair = inOrder(side, event, waiting.event);
    const fields = isSame(event, waiting.event) ? [] : differingFields(event, waiting.event);
    let excused = false;
    if (fields.length > 0) {
      excused = this.#differ('mismatch', null, event, pair, fields);
    } else if (reordered || waiting.reordered) {
      excused = this.#differ('reordered', reordered ? side : otherSide(side), event, pair);
    } else {
      tally.counts.match += 1;
    }
    track.chains?.settle(position, excused ? null : pair, now);
  }

  /** The other side does not hold it: it has not come there yet, or long ago. */
  #first(track: Track, side: Side, position: number, event: ComparedEvent, reordered: boolean, now: number): void {
    if (track.side(otherSide(side)).givenUp.has(position)) {
      this.#late(track, side, position, event);
      return;
    }
    const reason = this.#whyNotHeld(track, side, position);
    if (reason !== null) {
      this.#tally.leaveOut(reason);
      return;
    }
    track.side(side).held.set(position, { event: bounded(event, this.#limits.payload), at: now, reordered });
    this.#pending += 1;
    if (this.#toleranceEvents < Number.POSITIVE_INFINITY) this.#passEvents(track, side);
    this.#schedule();
  }

  /** Null when the position is to wait for the other side. Memory is kept here: nothing is held beyond the bounds. */
  #whyNotHeld(track: Track, side: Side, position: number): NotComparedReason | null {
    const mine = track.side(side);
    const theirs = track.side(otherSide(side));
    if (track.leftOut(position)) return 'sampled';
    if (!theirs.gaps.empty && theirs.gaps.has(position)) return 'paused';
    if (theirs.begun && theirs.hasPassed(position)) return 'forgotten';
    const { pending, pending_per_stream } = this.#limits;
    const level = Math.max(pressure(this.#pending, pending), pressure(mine.held.size, pending_per_stream));
    if (level === 0) return null;
    if (theirs.begun) {
      const full = this.#pending >= pending || mine.held.size >= pending_per_stream;
      if (!full && !track.leftOut(position, level)) return null;
      track.leaveOut(position, level);
      return 'sampled';
    }
    // While the other side has not begun, only the newest are held for it.
    if (this.#makeRoom(mine)) return null;
    mine.start = position;
    return 'not_begun';
  }

  #makeRoom(mine: TrackSide): boolean {
    const [oldest] = mine.held.keys();
    if (oldest === undefined) return false;
    mine.held.delete(oldest);
    mine.start = Math.max(mine.start, oldest);
    this.#pending -= 1;
    this.#tally.leaveOut('not_begun');
    return true;
  }

  #repeat(track: Track, side: Side, event: ComparedEvent): void {
    this.#tally.now.repeats += 1;
    const held = track.side(side).held.get(track.offset(event.seq));
    const fields = held === undefined ? [] : differingFields(event, held.event);
    this.#differ(
      'extra',
      side,
      event,
      side === 'left' ? { left: event, right: null } : { left: null, right: event },
      fields,
    );
  }

  #late(track: Track, side: Side, position: number, event: ComparedEvent): void {
    const theirs = track.side(otherSide(side));
    const before = theirs.givenUp.get(position);
    if (before === undefined) return;
    theirs.givenUp.delete(position);
    this.#tally.now.revisions += 1;
    const fields = differingFields(event, before);
    this.#differ(fields.length > 0 ? 'mismatch' : 'late', side, event, inOrder(side, event, before), fields);
  }

  /** The tolerance is over for what `side` holds: the other side is missing. */
  #giveUp(track: Track, side: Side, position: number, { event }: Held): void {
    const mine = track.side(side);
    mine.held.delete(position);
    this.#pending -= 1;
    mine.givenUp.set(position, event);
    if (mine.givenUp.size > this.#limits.late_per_stream) {
      const [oldest] = mine.givenUp.keys();
      if (oldest !== undefined) mine.givenUp.delete(oldest);
    }
    this.#tally.now.positions += 1;
    const missing = otherSide(side);
    const seen = side === 'left' ? { left: event, right: null } : { left: null, right: event };
    this.#differ(`missing_${missing}`, missing, event, seen);
    track.chains?.settle(position, null, this.#clock.monotonic());
  }

  #differ(
    result: Difference['result'],
    side: Side | null,
    position: ComparedEvent,
    seen: Pick<Difference, 'left' | 'right'>,
    fields: Difference['fields'] = [],
  ): boolean {
    return this.#tally.differ({ result, position, side, fields, ...seen });
  }

  #isDue(held: Held, missing: TrackSide, now: number): boolean {
    if (!missing.begun || missing.paused) return false;
    return now >= Math.max(held.at + this.#tolerance, missing.graceUntil);
  }

  /** Gives up what the stream has gone too far beyond. */
  #passEvents(track: Track, side: Side): void {
    const mine = track.side(side);
    const missing = track.side(otherSide(side));
    if (!missing.begun || missing.paused || missing.highest < missing.catchUpTo) return;
    for (const [position, held] of mine.held) {
      if (mine.highest - position <= this.#toleranceEvents) return;
      this.#giveUp(track, side, position, held);
    }
  }

  #sweep(now: number): void {
    for (const stream of this.#streams.values()) {
      if (stream.moves.size > 0) this.#sweepMoves(stream, now);
      for (const track of stream.tracks) {
        for (const side of sides) {
          for (const [position, held] of track.side(side).held) {
            if (!this.#isDue(held, track.side(otherSide(side)), now)) break;
            this.#giveUp(track, side, position, held);
          }
        }
        this.#sweepAbsent(track, now);
      }
    }
  }

  /** What one side alone has moved to exists there, and neither side brought it. */
  #sweepMoves(stream: Stream, now: number): void {
    for (const [place, { side, epoch, since }] of stream.moves) {
      const other = otherSide(side);
      const follows =
        stream.lives[other].has(epoch) ||
        stream.tracks.some((track) => track.epoch === epoch && track.side(other).highest > track.side(other).start);
      const isDue = now >= since + this.#tolerance && !this.#paused[other] && hasBegun(stream, other);
      if (!follows && !isDue) continue;
      stream.moves.delete(place);
      this.#moves -= 1;
      if (follows) continue;
      if (stream.counted.size < mostMoves) stream.counted.add(place);
      this.#tally.now.absent += 1;
    }
  }

  #sweepAbsent(track: Track, now: number): void {
    track.advance();
    if (!track.left.paused && !track.right.paused) this.#tally.now.absent += track.passAbsent(now - this.#tolerance);
  }

  #schedule(): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = this.#scheduler.after(Math.max(1, this.#tolerance / 4), () => {
      this.#timer = null;
      this.#sweep(this.#clock.monotonic());
      if (this.#pending > 0 || this.#moves > 0) this.#schedule();
    });
  }

  #forget(track: Track): void {
    for (const side of [track.left, track.right]) {
      this.#pending -= side.held.size;
      this.#tally.leaveOut('forgotten', side.held.size);
      side.held.clear();
    }
  }

  #chains(): { readonly chains: readonly StreamChains[]; readonly unequal: number } {
    const equal: StreamChains[] = [];
    const unequal: StreamChains[] = [];
    let differing = 0;
    for (const { tracks } of this.#streams.values()) {
      for (const track of tracks) {
        if (track.chains === null) continue;
        const { left, right, compared, after, low } = track.chains;
        const chains: StreamChains = {
          stream_id: track.stream_id,
          epoch: track.epoch,
          after: (track.base + BigInt(after)).toString(),
          seq: (track.base + BigInt(low)).toString(),
          compared,
          left,
          right,
        };
        if (isUnequal(chains)) differing += 1;
        const kept = isUnequal(chains) ? unequal : equal;
        if (kept.length < this.#limits.chains) kept.push(chains);
      }
    }
    return { chains: [...unequal, ...equal].slice(0, this.#limits.chains), unequal: differing };
  }
}

/** Of more lives than anybody reads nothing is remembered: then a move there is not taken back. */
function noteLife({ lives }: Stream, side: Side, epoch: string): void {
  if (lives[side].size < mostMoves) lives[side].add(epoch);
}

function hasBegun(stream: Stream, side: Side): boolean {
  return stream.whole[side] || stream.tracks.some((track) => track.side(side).begun);
}

function inOrder(side: Side, mine: ComparedEvent, theirs: ComparedEvent) {
  return side === 'left' ? { left: mine, right: theirs } : { left: theirs, right: mine };
}

/** The common case, without a list of fields. */
function isSame(a: ComparedEvent, b: ComparedEvent): boolean {
  return a.payload_hash === b.payload_hash && a.kind === b.kind && a.idempotency_key === b.idempotency_key;
}

/** 0 while there is room; from half full on it rises to 9, so that sampling sets in before the bound is hit. */
function pressure(used: number, most: number): number {
  return used * 2 < most ? 0 : 1 + Math.floor((used / most - 0.5) * 16);
}
