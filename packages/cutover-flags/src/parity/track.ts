import { ChainPair } from './chain-pair.ts';
import type { ComparedEvent, Side } from './event.ts';
import { Intervals } from './intervals.ts';

/** An event that waits for the other side. */
export interface Held {
  readonly event: ComparedEvent;
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly reordered: boolean;
}

const mostRanges = 1_000;

/** One side of one life of one stream. Positions are offsets from the base of the track. */
export class TrackSide {
  begun = false;
  paused = false;
  /** Comparison begins after this position. */
  start = 0;
  /** The highest position that was brought or resumed from. */
  highest = 0;
  /** Up to here a repeat is the replay after a resume. */
  replayTo = Number.NEGATIVE_INFINITY;
  /** Nothing is called missing here before this time, monotonic milliseconds. */
  graceUntil = Number.NEGATIVE_INFINITY;
  /** How far the other side was when this one began or resumed. */
  catchUpTo = Number.NEGATIVE_INFINITY;
  /** What this side brought and the other has not, in the order of arrival. */
  readonly held = new Map<number, Held>();
  /** What the other side was called missing for. */
  readonly givenUp = new Map<number, ComparedEvent>();
  /** Below `highest`, but not brought. */
  readonly holes = new Intervals(mostRanges);
  /** Not covered: it was down. */
  readonly gaps = new Intervals(mostRanges);

  /** Whether this side has brought the position, or never will. */
  hasPassed(position: number): boolean {
    return position <= this.highest && (this.holes.empty || !this.holes.has(position));
  }
}

/** One life of one stream: what both sides brought, and what of it is settled. */
export class Track {
  readonly stream_id: string;
  readonly epoch: string;
  readonly base: bigint;
  readonly left = new TrackSide();
  readonly right = new TrackSide();
  /** From the time that both sides have begun. */
  chains: ChainPair | null = null;
  readonly #hash: number;
  /** Up to here positions were left out by sampling at this level. */
  #sampledTo = Number.NEGATIVE_INFINITY;
  #sampledLevel = 0;

  constructor(streamId: string, epoch: string, base: bigint) {
    this.stream_id = streamId;
    this.epoch = epoch;
    this.base = base;
    this.#hash = hashText(`${streamId}\n${epoch}`) + Number(BigInt.asUintN(32, base));
  }

  side(side: Side): TrackSide {
    return side === 'left' ? this.left : this.right;
  }

  /** The offset of a sequence; exact as long as a stream spans less than 2^53 events. */
  offset(seq: bigint): number {
    return Number(seq - this.base);
  }

  /** Whether the position was, or at this level has to be, left out. The same for both sides. */
  leftOut(position: number, level = 0): boolean {
    const atLeast = position <= this.#sampledTo ? Math.max(level, this.#sampledLevel) : level;
    return atLeast > 0 && isLeftOut(this.#hash + position, atLeast);
  }

  /** Leaves a position out at the lowest level, from the given one on, that does so. */
  leaveOut(position: number, level: number): void {
    let needed = Math.max(level, 1);
    while (needed < mostLevel && !isLeftOut(this.#hash + position, needed)) needed += 1;
    this.#sampledTo = Math.max(this.#sampledTo, position);
    this.#sampledLevel = Math.max(this.#sampledLevel, needed);
  }

  /** Fixes where comparison begins, when both sides have begun. */
  openChains(mostAhead: number): void {
    if (this.chains !== null || !this.left.begun || !this.right.begun) return;
    this.chains = new ChainPair(this.stream_id, Math.max(this.left.start, this.right.start), mostAhead);
  }

  /** Moves the chains over everything that is settled. */
  advance(): void {
    const { chains, left, right } = this;
    // Nothing is settled beyond what both sides have reached: the common case costs two comparisons.
    if (chains === null || chains.low >= left.highest || chains.low >= right.highest) return;
    chains.advance(this.#passed);
  }

  /** The last position, from one on, that nothing is waited for at; undefined when the one is waited for. */
  readonly #passed = (position: number): number | undefined => {
    const { left, right } = this;
    if (position > left.highest || position > right.highest) return undefined;
    if (!left.gaps.empty || !right.gaps.empty) {
      const gap = left.gaps.endOf(position) ?? right.gaps.endOf(position);
      if (gap !== undefined) return Math.min(gap, left.highest, right.highest);
    }
    if (left.held.has(position) || right.held.has(position)) return undefined;
    return left.hasPassed(position) && right.hasPassed(position) ? position : undefined;
  };

  /** Passes over positions that neither side brought before what was settled up to `until`; gives their number. */
  passAbsent(until: number): number {
    const { chains, left, right } = this;
    let absent = 0;
    for (;;) {
      const ahead = chains?.lowestAhead() ?? null;
      if (chains === null || ahead === null || ahead.at > until) return absent;
      const next = chains.low + 1;
      let end = ahead.position;
      for (const { held } of [left, right]) {
        for (const position of held.keys()) if (position >= next && position < end) end = position;
      }
      // What is held is waited for.
      if (end === next) return absent;
      absent += Intervals.shared(left.holes, right.holes, next, end - 1);
      chains.low = end - 1;
      this.advance();
    }
  }
}

/** Above this level everything is left out. */
const mostLevel = 31;

/** One level up halves what is kept, and keeps nothing that the level below leaves out. */
function isLeftOut(key: number, level: number): boolean {
  if (level >= mostLevel) return true;
  return (mix(key) & ((1 << level) - 1)) !== 0;
}

/** The finalizer of MurmurHash3: neighbours come out far apart. */
function mix(key: number): number {
  let hash = (key % 2 ** 32) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** FNV-1a over UTF-16 code units, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
