import type { ChainHash, LaneId, StreamPosition, SyncEvent } from '@autopilot/sync-contract';
import type { AppliedView } from '../sync/applied-view.ts';
import type { LaneDifference } from './lane-difference.ts';

/**
 * What both lanes brought of each stream, compared event by event as long as both are open. It is about the handover
 * only: no tolerance, no sampling, and what cannot be known any more does not count as a difference.
 */
export interface LaneDifferences {
  /** The lane brought these events of one stream; `end` is where it stood before them. */
  brought(lane: LaneId, events: readonly SyncEvent[], end: StreamPosition | null): void;
  /** The lane named its chain. */
  named(lane: LaneId, streamId: string, at: StreamPosition, chain: ChainHash): void;
  /** The lowest place, at or before what was applied, at which the lane is known to differ from it. */
  find(lane: LaneId, streamId: string): LaneDifference | undefined;
  forget(streamId: string): void;
}

/** What the chain is made of, but for the place. */
interface Print {
  readonly hash: string;
  readonly text: string;
}

interface Notes {
  epoch: string;
  /** Brought, and not brought by the other lane yet. */
  readonly waiting: Map<bigint, Print>;
  /** Brought otherwise by the other lane or the store; null for an event that was left out. */
  readonly differing: Map<bigint, Print | null>;
  named: { readonly seq: bigint; readonly chain: ChainHash } | undefined;
  chainDiffersAt: bigint | undefined;
}

/**
 * Events that wait over all streams, and those of one lane in one stream: beyond it the oldest are judged by the store
 * alone. Of differences in a stream further ones add nothing.
 */
const most = { waiting: 50_000, waitingPerStream: 5000, differing: 1000 } as const;

/** Knows of no difference. */
export function createLaneDifferences(applied: AppliedView): LaneDifferences {
  const streams = new Map<string, Map<LaneId, Notes>>();
  let waiting = 0;

  const notesOf = (lane: LaneId, streamId: string, epoch: string): Notes => {
    const lanes = streams.get(streamId) ?? new Map<LaneId, Notes>();
    streams.set(streamId, lanes);
    const known = lanes.get(lane);
    if (known?.epoch === epoch) return known;
    waiting -= known?.waiting.size ?? 0;
    const fresh: Notes = {
      ...{ epoch, waiting: new Map(), differing: new Map(), named: undefined, chainDiffersAt: undefined },
    };
    lanes.set(lane, fresh);
    return fresh;
  };
  const otherOf = (lane: LaneId, streamId: string, epoch: string): Notes | undefined => {
    const found = streams.get(streamId)?.get(lane === 'khala' ? 'spacetime' : 'khala');
    return found?.epoch === epoch ? found : undefined;
  };
  const drop = (notes: Notes, seq: bigint) => {
    if (notes.waiting.delete(seq)) waiting -= 1;
  };
  const keep = (notes: Notes, seq: bigint, print: Print) => {
    if (!notes.waiting.has(seq)) waiting += 1;
    notes.waiting.set(seq, print);
    const [oldest] = notes.waiting.keys();
    const isFull = waiting > most.waiting || notes.waiting.size > most.waitingPerStream;
    if (isFull && oldest !== undefined) drop(notes, oldest);
  };
  const differ = (notes: Notes, seq: bigint, print: Print | null) => {
    if (notes.differing.size < most.differing) notes.differing.set(seq, print);
  };
  /** Against what was applied; undefined when the store does not know it. */
  const isApplied = (streamId: string, epoch: string, seq: bigint, { hash }: Print): boolean | undefined => {
    const known = applied.hashAt(streamId, epoch, seq);
    return known === undefined ? undefined : known === hash;
  };
  const judge = (lane: LaneId, event: SyncEvent, position: StreamPosition | null) => {
    const { stream_id, epoch, seq } = event;
    const mine = notesOf(lane, stream_id, epoch);
    const theirs = otherOf(lane, stream_id, epoch);
    const print = printOf(event);
    // What is brought again is judged again: it may only have been damaged on its way.
    mine.differing.delete(seq);
    const met = theirs?.waiting.get(seq) ?? theirs?.differing.get(seq);
    if (theirs !== undefined && met !== undefined && met !== null) {
      drop(theirs, seq);
      theirs.differing.delete(seq);
      if (met.text === print.text) return;
      differ(mine, seq, print);
      differ(theirs, seq, met);
      return;
    }
    if (position?.epoch === epoch && seq <= position.seq) {
      if (isApplied(stream_id, epoch, seq, print) === false) differ(mine, seq, print);
      return;
    }
    keep(mine, seq, print);
  };
  /** What the other lane never brought is held against the store, once it was applied. */
  const settle = (streamId: string, notes: Notes, position: StreamPosition) => {
    for (const [seq, print] of notes.waiting) {
      if (seq > position.seq) continue;
      drop(notes, seq);
      if (isApplied(streamId, notes.epoch, seq, print) === false) differ(notes, seq, print);
    }
  };
  const compareChain = (streamId: string, notes: Notes, position: StreamPosition) => {
    if (notes.named?.seq !== position.seq) return;
    const chain = applied.chain(streamId);
    // A history that begins at a floor of khala has no chain that could be compared.
    if (chain === null || !/^[0-9a-f]{64}$/.test(chain)) return;
    notes.chainDiffersAt = chain === notes.named.chain ? undefined : position.seq;
  };
  return {
    brought(lane, events, end) {
      const [first] = events;
      if (first === undefined) return;
      const position = applied.position(first.stream_id);
      let at = end?.epoch === first.epoch ? end.seq : end === null ? 0n : first.seq - 1n;
      for (const event of events) {
        const notes = notesOf(lane, event.stream_id, event.epoch);
        for (let seq = at + 1n; seq < event.seq && notes.differing.size < most.differing; seq += 1n) {
          differ(notes, seq, null);
        }
        judge(lane, event, position);
        if (event.seq > at) at = event.seq;
      }
    },
    named(lane, streamId, at, chain) {
      const notes = notesOf(lane, streamId, at.epoch);
      notes.named = { seq: at.seq, chain };
      const position = applied.position(streamId);
      if (position?.epoch === at.epoch) compareChain(streamId, notes, position);
    },
    find(lane, streamId) {
      const position = applied.position(streamId);
      const notes = streams.get(streamId)?.get(lane);
      if (position === null || notes === undefined || notes.epoch !== position.epoch) return undefined;
      settle(streamId, notes, position);
      compareChain(streamId, notes, position);
      let lowest: LaneDifference | undefined;
      const found = (seq: bigint, what: LaneDifference['what']) => {
        if (seq > position.seq || (lowest !== undefined && lowest.seq <= seq)) return;
        lowest = { lane, stream_id: streamId, epoch: notes.epoch, seq, what };
      };
      const theirs = otherOf(lane, streamId, notes.epoch);
      for (const [seq, print] of notes.differing) {
        if (print === null) found(seq, 'missing');
        else if (!isHeld(streamId, notes.epoch, seq, print, theirs?.differing.get(seq))) found(seq, 'event');
      }
      if (notes.chainDiffersAt !== undefined) found(notes.chainDiffersAt, 'chain');
      return lowest;
    },
    forget(streamId) {
      for (const notes of streams.get(streamId)?.values() ?? []) waiting -= notes.waiting.size;
      streams.delete(streamId);
    },
  };

  /** Whether the two lanes differ, but it is this one whose event was applied. */
  function isHeld(streamId: string, epoch: string, seq: bigint, print: Print, theirs: Print | null | undefined) {
    if (theirs === undefined || theirs === null || theirs.hash === print.hash) return false;
    return isApplied(streamId, epoch, seq, print) === true;
  }
}

function printOf({ payload_hash, kind, idempotency_key }: SyncEvent): Print {
  return { hash: payload_hash, text: `${payload_hash}\n${kind.length}:${kind}${idempotency_key}` };
}
