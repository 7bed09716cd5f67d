import { CheckpointError } from './errors.ts';
import type { Page, ResetTo, StoreScope, StreamChange } from './store.ts';

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
  if (seq - expected_seq !== BigInt(events.length)) {
    throw refuse(`goes from ${expected_seq} to ${seq} with ${events.length} events`);
  }
  let expected = expected_seq;
  for (const event of events) {
    expected += 1n;
    if (event.stream_id !== stream_id || event.epoch !== epoch || event.seq !== expected) {
      throw refuse(`has seq ${event.seq} of "${event.stream_id}", epoch "${event.epoch}", in the place of ${expected}`);
    }
    if (event.committed_at > highestInteger || event.committed_at < lowestInteger) {
      throw refuse(`has a committed_at at seq ${event.seq} that is no 64-bit integer`);
    }
  }
}

/** Refuses a reset to what is no place. */
export function checkReset(streamId: string, to: ResetTo): void {
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
