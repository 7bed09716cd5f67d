// Why a change is refused by any store, in one wording.
import type { Contiguity, SyncEvent } from '@autopilot/sync-contract';
import { CheckpointError } from './errors.ts';
import type { StreamChange } from './store.ts';

/** The change was decided from another position than the stored one; `stored` is undefined when there is none. */
export function positionConflict(
  change: StreamChange,
  stored: { readonly epoch: string; readonly seq: bigint } | undefined,
): CheckpointError {
  const there = stored === undefined ? 'nothing' : `epoch "${stored.epoch}" at ${stored.seq}`;
  const position = stored === undefined ? null : { epoch: stored.epoch, seq: `${stored.seq}` };
  return new CheckpointError(
    'position_conflict',
    `"${change.stream_id}" has ${there} stored, not epoch "${change.epoch}" at ${change.expected_seq}.`,
    { details: { stream_id: change.stream_id, stored: position } },
  );
}

/** The stream already has an event with this idempotency key. */
export function keyConflict(change: StreamChange, event: SyncEvent, cause?: unknown): CheckpointError {
  const { idempotency_key } = event;
  return new CheckpointError(
    'idempotency_conflict',
    `"${change.stream_id}" already has an event with the idempotency key of seq ${event.seq}.`,
    { cause, details: { stream_id: change.stream_id, seq: `${event.seq}`, idempotency_key } },
  );
}

/** A stream does not become dense, or cease to be, without a reset. */
export function contiguityConflict(change: StreamChange, stored: Contiguity): CheckpointError {
  return new CheckpointError(
    'invalid_change',
    `"${change.stream_id}" is stored as ${stored}, and the change is ${change.contiguity ?? 'dense'}.`,
    { details: { stream_id: change.stream_id } },
  );
}

/** Nothing happened, and the chain is another one. */
export function chainWithoutEvents(change: StreamChange): CheckpointError {
  return new CheckpointError('invalid_change', `A change of "${change.stream_id}" without events has another chain.`);
}
