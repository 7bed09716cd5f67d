import type { StreamPosition } from '@autopilot/sync-contract';
import type { AppliedView } from '../sync/applied-view.ts';
import { describeDifference, type LaneDifference } from './lane-difference.ts';
import type { LaneDifferences } from './lane-differences.ts';
import type { LaneSlot } from './lane-slot.ts';
import { type JoinRelation, joinRelation, joinTable } from './stream-join.ts';

/** What has to happen to the streams at the switch. */
export interface SwitchPlan {
  /** Streams that are read again from the position. */
  readonly reread: readonly (readonly [string, StreamPosition | null])[];
  /** Streams that the next lane does not have; nothing was applied of them. */
  readonly refused: readonly string[];
  /** Differences in spite of which the lane takes over. */
  readonly forced: readonly LaneDifference[];
}

/** Looks whether the next lane can take over without loss, and without another history. */
export interface HandoverCheck {
  /** A preparation begins: the lane has to bring what is applied now. */
  began(): void;
  /** Puts the streams of the next lane to where it has to read to be able to take over. */
  place(slot: LaneSlot, reread: (streamId: string, after: StreamPosition | null) => void): void;
  /** Why the lane cannot take over now; undefined when it can. */
  inTheWay(slot: LaneSlot): string | undefined;
  /** What differs and holds the lane back. */
  differing(slot: LaneSlot): LaneDifference | undefined;
  plan(slot: LaneSlot): SwitchPlan;
}

export interface HandoverCheckOptions {
  readonly applied: AppliedView;
  readonly followed: ReadonlySet<string>;
  readonly differences: LaneDifferences;
  /** Whether a known difference does not hold the lane back. */
  readonly insists: () => boolean;
}

/** How far back a lane that differs is read again, to see whether its events were only damaged on their way. */
const mostReread = 10_000n;

/** A check for which no preparation has begun. */
export function createHandoverCheck({ applied, followed, differences, insists }: HandoverCheckOptions): HandoverCheck {
  let marks = new Map<string, StreamPosition | null>();

  const relationOf = (slot: LaneSlot, streamId: string): JoinRelation => {
    const stream = slot.streams.get(streamId);
    return joinRelation({
      span: stream?.span ?? { start: null, end: null },
      position: applied.position(streamId),
      mark: marks.get(streamId) ?? null,
      confirmed: stream?.confirmed === true,
      refused: stream?.refused !== undefined,
      differs: !insists() && differences.find(slot.id, streamId) !== undefined,
    });
  };
  return {
    began() {
      marks = new Map([...followed].map((streamId) => [streamId, applied.position(streamId)]));
    },
    place(slot, reread) {
      for (const streamId of followed) {
        const position = applied.position(streamId);
        const relation = relationOf(slot, streamId);
        // A lane that was compared from a later place on has to fetch what lies between before it can take over.
        if (relation === 'late') reread(streamId, position);
        else if (relation === 'refused') slot.follow(streamId, position);
        else if (relation === 'differs') {
          const found = differences.find(slot.id, streamId);
          if (found === undefined || found.what === 'chain' || position === null) continue;
          if (position.seq - found.seq < mostReread) reread(streamId, { epoch: found.epoch, seq: found.seq - 1n });
        }
      }
    },
    inTheWay(slot) {
      for (const streamId of followed) {
        const relation = relationOf(slot, streamId);
        if (joinTable[relation] !== 'wait') continue;
        if (relation !== 'differs') return `${streamId} is ${relation} on ${slot.id}`;
        const found = differences.find(slot.id, streamId);
        return found === undefined ? `${streamId} differs on ${slot.id}` : describeDifference(found);
      }
      return undefined;
    },
    differing(slot) {
      if (insists()) return undefined;
      for (const streamId of followed) {
        const found = differences.find(slot.id, streamId);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    plan(slot) {
      const reread: [string, StreamPosition | null][] = [];
      const refused: string[] = [];
      const forced: LaneDifference[] = [];
      for (const streamId of followed) {
        if (joinTable[relationOf(slot, streamId)] === 'rewind') reread.push([streamId, applied.position(streamId)]);
        if (slot.streams.get(streamId)?.refused !== undefined) refused.push(streamId);
        const found = differences.find(slot.id, streamId);
        if (found !== undefined) forced.push(found);
      }
      return { reread, refused, forced };
    },
  };
}
