import type { Timestamp } from 'spacetimedb';
import { ScheduleAt } from 'spacetimedb/server';

/** The largest i64: later than every time. */
export const never = 2n ** 63n - 1n;

/** Microseconds since the Unix epoch. */
export function micros(time: Timestamp): bigint {
  return time.microsSinceUnixEpoch;
}

/** Microseconds of a number of seconds. */
export function seconds(count: number): bigint {
  return BigInt(count) * 1_000_000n;
}

/** The earlier of two times in microseconds. */
export function earlier(one: bigint, other: bigint): bigint {
  if (one < other) return one;
  return other;
}

/** The timestamp at some microseconds. `spacetimedb/server` exports no Timestamp to make; a schedule time holds one. */
export function timeAt(at: bigint): Timestamp {
  const schedule = ScheduleAt.time(at);
  if (schedule.tag !== 'Time') throw new TypeError('A schedule time is not a time.');
  return schedule.value;
}
