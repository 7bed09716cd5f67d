import type { Recovery } from '@autopilot/sync-contract';
import type { Conflict } from './conflict.ts';
import type { ConflictReason } from './decision-table.ts';
import { applyErrors } from './errors.ts';
import type { BlockReason, ResetHistory } from './reset.ts';

/** Something about a stream that a person has to hear of, ready to be shown: plain data, made by pure functions. */
export interface Alarm {
  readonly code: ConflictReason | BlockReason;
  readonly stream_id: string;
  readonly epoch: string;
  /** The sequence it is about. */
  readonly seq: bigint;
  readonly message: string;
  readonly recovery: Recovery;
  /** What to do next. */
  readonly next: string;
}

/** The alarm of a conflict: there is none without one. */
export function alarmOf(conflict: Conflict): Alarm {
  const { stream_id, reason, event } = conflict;
  const what = reason === 'foreign_stream' ? `An event of ${event.stream_id}` : `The event at ${event.seq}`;
  const message = `${what} was not applied to ${stream_id} and has to be set aside: ${reason}.`;
  return { code: reason, stream_id, epoch: event.epoch, seq: event.seq, message, ...applyErrors[reason] };
}

/** The alarm of a stream that is not reset any more. */
export function alarmOfBlock(stream_id: string, blocked: NonNullable<ResetHistory['blocked']>): Alarm {
  const { reason, floor } = blocked;
  const message = `${stream_id} is blocked at the floor ${floor.seq}: ${reason}.`;
  return { code: reason, stream_id, epoch: floor.epoch, seq: floor.seq, message, ...applyErrors[reason] };
}
