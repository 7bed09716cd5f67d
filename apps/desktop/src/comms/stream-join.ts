import type { StreamPosition } from '@autopilot/sync-contract';

/** How far one lane has read one stream: everything after `start` up to `end`, without a gap. */
export interface Span {
  /** Where the lane began; null for the first event. */
  readonly start: StreamPosition | null;
  /** The last event it brought, or where it began; null before the first. */
  readonly end: StreamPosition | null;
}

/**
 * How a lane stands to the position of the store, when it is to take a stream over. `level`: at it. `ahead`: beyond it,
 * and what lies between can be read again. `trailing`: a little behind, but it has brought what was applied when the
 * handover began. `behind`: not even that. `late`: it began after the position, so that events in between would be
 * lost. `foreign`: it reads another epoch. `unread`: it was put to a place and has not said yet that it can read there.
 * `refused`: it may not read the stream. `differs`: it could take over, but is known to hold other events than those that
 * were applied.
 */
export type JoinRelation =
  | 'level'
  | 'ahead'
  | 'trailing'
  | 'behind'
  | 'late'
  | 'foreign'
  | 'unread'
  | 'refused'
  | 'differs';

/** What to do with the stream at the switch: go on, read again from the position, leave out what was applied, or wait. */
export type JoinAction = 'continue' | 'rewind' | 'trim' | 'wait';

/** The whole rule. Only where nothing can be lost does a lane take over. */
export const joinTable: Readonly<Record<JoinRelation, JoinAction>> = {
  level: 'continue',
  ahead: 'rewind',
  trailing: 'trim',
  behind: 'wait',
  late: 'wait',
  foreign: 'wait',
  unread: 'wait',
  refused: 'wait',
  differs: 'wait',
};

/** What the classification looks at. */
export interface JoinFacts {
  readonly span: Span;
  /** The position of the store now. */
  readonly position: StreamPosition | null;
  /** The position of the store when the handover began. */
  readonly mark: StreamPosition | null;
  /** Whether the lane has brought anything or named a head since it was put where `span` begins. */
  readonly confirmed: boolean;
  readonly refused: boolean;
  /** Whether it is known to differ at or before the position, and nothing insists on going on. */
  readonly differs: boolean;
}

/** How a lane stands to the position; pure and total. */
export function joinRelation(facts: JoinFacts): JoinRelation {
  const relation = reachOf(facts);
  return facts.differs && joinTable[relation] !== 'wait' && !isStart(facts.position) ? 'differs' : relation;
}

function reachOf({ span, position, mark, confirmed, refused }: JoinFacts): JoinRelation {
  // A stream of which nothing was applied can be lost by nobody.
  if (refused) return isStart(position) ? 'level' : 'refused';
  const { start, end } = span;
  if (position === null) return end === null || (isStart(end) && isStart(start)) ? 'level' : 'ahead';
  if (end === null) return isStart(position) ? 'level' : confirmed ? 'behind' : 'unread';
  if (end.epoch !== position.epoch) return 'foreign';
  const from = start === null || start.epoch !== end.epoch ? 0n : start.seq;
  if (from > position.seq) return 'late';
  if (!confirmed && !isStart(position)) return 'unread';
  if (end.seq === position.seq) return 'level';
  if (end.seq > position.seq) return 'ahead';
  const proved = mark === null || (mark.epoch === end.epoch && end.seq >= mark.seq);
  return proved ? 'trailing' : 'behind';
}

function isStart(position: StreamPosition | null): boolean {
  return position === null || position.seq === 0n;
}
