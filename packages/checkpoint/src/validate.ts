import type { Contiguity } from '@autopilot/sync-contract';
import { CheckpointError } from './errors.ts';
import type { AuditLimits, Page, ResetTo, StoreScope, StreamChange, TrimOptions } from './store.ts';

const highestInteger = 2n ** 63n - 1n;
const lowestInteger = -(2n ** 63n);
const largestPage = 10_000;

/** Refuses a change that would store something else than it says. Does not recompute hashes: see `verify`. */
export function checkChange(change: StreamChange): void {
  const { stream_id, epoch, expected_seq, events, seq, chain } = change;
  const refuse = (why: string) =>
    new CheckpointError('invalid_change', `The change of "${stream_id}" ${why}.`, { details: { stream_id } });
  if (stream_id === '') throw refuse('has no stream id');
  if (epoch === '') throw refuse('has no epoch');
  if (chain === '') throw refuse('has no chain');
  if (expected_seq < 0n || seq > highestInteger) throw refuse('is outside of 0 to 2^63 - 1');
  checkContiguity(change.contiguity);
  const isDense = change.contiguity !== 'gaps-allowed';
  if (isDense && seq - expected_seq !== BigInt(events.length)) {
    throw refuse(`goes from ${expected_seq} to ${seq} with ${events.length} events`);
  }
  let before = expected_seq;
  for (const event of events) {
    const isInPlace = isDense ? event.seq === before + 1n : event.seq > before;
    if (event.stream_id !== stream_id || event.epoch !== epoch || !isInPlace) {
      const what = `seq ${event.seq} of "${event.stream_id}", epoch "${event.epoch}"`;
      throw refuse(`has ${what}, after ${before}`);
    }
    before = event.seq;
    if (event.committed_at > highestInteger || event.committed_at < lowestInteger) {
      throw refuse(`has a committed_at at seq ${event.seq} that is no 64-bit integer`);
    }
  }
  if (before !== seq) throw refuse(`goes to ${seq} with events to ${before}`);
}

function checkContiguity(contiguity: Contiguity | undefined): void {
  if (contiguity === undefined || contiguity === 'dense' || contiguity === 'gaps-allowed') return;
  throw new CheckpointError('invalid_option', `contiguity must be dense or gaps-allowed, not ${String(contiguity)}.`);
}

/** Refuses a reset to what is no place. */
export function checkReset(streamId: string, to: ResetTo): void {
  checkContiguity(to.contiguity);
  if (
    streamId !== '' &&
    to.epoch !== '' &&
    to.chain !== '' &&
    to.reason !== '' &&
    to.seq >= 0n &&
    to.seq <= highestInteger
  )
    return;
  throw new CheckpointError(
    'invalid_change',
    `A reset needs a stream id, an epoch, a chain, a reason and a seq from 0 to 2^63 - 1 (got ${to.seq}).`,
  );
}

/** Refuses to remove what is no range. */
export function checkTrim({ through, limit }: TrimOptions): void {
  checkLimit(limit);
  if (through < 0n || through > highestInteger) {
    throw new CheckpointError('invalid_option', `through must be from 0 to 2^63 - 1, not ${through}.`);
  }
}

/** The limits of the audit, each as it is given or as it is by default. */
export function auditLimits(given: AuditLimits): Required<AuditLimits> {
  const limits = {
    quarantined_per_stream: given.quarantined_per_stream ?? 100,
    resets_per_stream: given.resets_per_stream ?? 100,
  };
  for (const [name, limit] of Object.entries(limits)) {
    if (Number.isSafeInteger(limit) && limit >= 1) continue;
    throw new CheckpointError('invalid_option', `${name} must be a whole number from 1, not ${limit}.`);
  }
  return limits;
}

/** Refuses a page that is none. */
export function checkPage(page: Page): void {
  checkLimit(page.limit);
  if (page.after < 0n || page.after > highestInteger) {
    throw new CheckpointError('invalid_option', `after must be from 0 to 2^63 - 1, not ${page.after}.`);
  }
}

/** Refuses a limit that is none. */
export function checkLimit(limit: number): void {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= largestPage) return;
  throw new CheckpointError('invalid_option', `limit must be a whole number from 1 to ${largestPage}, not ${limit}.`);
}

/** Refuses a scope with an empty part: streams of nobody would be everybody's. */
export function checkScope(scope: StoreScope): void {
  for (const part of ['environment', 'database', 'account'] as const) {
    if (typeof scope[part] === 'string' && scope[part] !== '') continue;
    throw new CheckpointError('invalid_option', `scope.${part} must not be empty.`);
  }
}
