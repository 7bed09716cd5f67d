import { type StaleReason, type StreamPosition, staleReason, streamIdForTopic } from '@autopilot/sync-contract';
import { workerEventsTopic } from '../wire/worker-event.ts';
import { decodeLegacyState, type LegacyStateError } from './persisted-state.ts';

/** What is known of one worker. */
export interface WorkerKnowledge {
  readonly worker_id: string;
  /**
   * The worker's own sequence up to which its events were applied, as the client kept it. `null`: certainly none.
   * Undefined: nobody knows. A watermark of the topic is no answer: it counts the events of all workers.
   */
  readonly applied_seq?: bigint | null;
  /** The epoch that the new lane has for the stream. */
  readonly epoch?: string;
  /** The last sequence of the stream on the new lane. */
  readonly head?: bigint;
  /** The lowest sequence that is still kept there; 1 when nothing was removed. */
  readonly first_kept?: bigint;
  /** How many events a reader may replay; undefined for no limit. */
  readonly replay_budget?: bigint;
}

/** What a migration is made from. */
export interface CursorMigrationInput {
  /** What the old client stored: an object or its JSON text, version 0 or 1; undefined or null for nothing. */
  readonly persisted: unknown;
  readonly workers: readonly WorkerKnowledge[];
  /** Default `runtime.codex_worker_events`. */
  readonly topic?: string;
}

/** Where the reading of one stream goes on, with the next step. */
export type StreamMigration =
  | { readonly outcome: 'resume'; readonly after: StreamPosition; readonly next: string }
  | { readonly outcome: 'from-beginning'; readonly after: null; readonly next: string }
  | {
      readonly outcome: 'stale';
      readonly reason: StaleReason;
      readonly applied_seq: bigint;
      readonly floor: StreamPosition;
      readonly head: bigint;
      readonly next: string;
    }
  | {
      readonly outcome: 'ahead';
      readonly applied: StreamPosition;
      readonly head: bigint;
      readonly next: string;
    }
  | { readonly outcome: 'unknown'; readonly why: UnknownReason; readonly next: string };

/** What is missing. */
export type UnknownReason = 'no_applied_seq' | 'no_epoch' | 'no_head' | 'no_floor' | 'invalid_number';

/** The whole migration. */
export interface CursorMigration {
  /** Where the topic of khala may be resumed; null when nothing usable was stored. Not a position of any stream. */
  readonly topic_cursor: bigint | null;
  /** Why the stored state was not used. */
  readonly state_error: LegacyStateError | undefined;
  /** By stream id. */
  readonly streams: Readonly<Record<string, StreamMigration>>;
}

const nextSteps = {
  resume: 'Follow the stream after this position.',
  'from-beginning': 'Follow the stream from null: nothing of it was applied.',
  stale: 'Reset the stream to the floor, show that history was skipped, and follow it from there.',
  ahead:
    'Do not cut the stream: wait until the new lane has this position, and look for lost events if it does not come.',
  unknown: {
    no_applied_seq: 'Find out which sequence of this worker was applied; or apply the stream anew from null.',
    no_epoch: 'Ask the new lane for the epoch of the stream: positions mean nothing without one.',
    no_head: 'Ask the new lane how long the stream is.',
    no_floor: 'Ask the new lane from where on the stream is kept.',
    invalid_number: 'Correct the number: sequences are whole and not negative.',
  },
} as const;

/**
 * Turns what an old client of khala stored into positions of streams. Pure. A topic's watermark and a worker's sequence
 * are two different counters: only a worker's own sequence becomes a position, and nothing is ever clamped.
 */
export function migrateCursor(input: CursorMigrationInput): CursorMigration {
  const { persisted, topic = workerEventsTopic } = input;
  const state = persisted === undefined || persisted === null ? undefined : decodeLegacyState(persisted);
  const stateError = state !== undefined && 'type' in state ? state : undefined;
  const watermarks = state === undefined || 'type' in state ? undefined : state.topic_watermarks;
  const cursor = watermarks !== undefined && Object.hasOwn(watermarks, topic) ? watermarks[topic] : undefined;
  const streams: Record<string, StreamMigration> = {};
  for (const worker of input.workers) streams[streamIdForTopic(worker.worker_id)] = migrateStream(worker);
  return { topic_cursor: cursor ?? null, state_error: stateError, streams };
}

function migrateStream(worker: WorkerKnowledge): StreamMigration {
  const { applied_seq: applied, epoch, head, first_kept, replay_budget } = worker;
  const numbers = [applied, head, first_kept, replay_budget];
  if (numbers.some((one) => one !== undefined && one !== null && one < 0n)) return unknown('invalid_number');
  if (applied === undefined) return unknown('no_applied_seq');
  if (applied !== null && applied > 0n && (epoch === undefined || epoch === '')) return unknown('no_epoch');
  if (head === undefined) return unknown('no_head');
  if (first_kept === undefined) return unknown('no_floor');
  const after = applied ?? 0n;
  if (after > head) return { outcome: 'ahead', applied: at(epoch, after), head, next: nextSteps.ahead };
  const reason = staleReason({ after, first_kept, head, replay_budget });
  if (reason !== undefined) {
    if (epoch === undefined || epoch === '') return unknown('no_epoch');
    // Over budget nothing is gone: the reader may still not replay, so it begins at the head.
    const floor = reason === 'retention_floor_breach' ? first_kept - 1n : head;
    return { outcome: 'stale', reason, applied_seq: after, floor: at(epoch, floor), head, next: nextSteps.stale };
  }
  if (after === 0n) return { outcome: 'from-beginning', after: null, next: nextSteps['from-beginning'] };
  return { outcome: 'resume', after: at(epoch, after), next: nextSteps.resume };
}

function at(epoch: string | undefined, seq: bigint): StreamPosition {
  return { epoch: epoch ?? '', seq };
}

function unknown(why: UnknownReason): StreamMigration {
  return { outcome: 'unknown', why, next: nextSteps.unknown[why] };
}
