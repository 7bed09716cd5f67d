import type { TableSchema } from './module-schema.ts';
import { SysError } from './sys-error.ts';

/** The longest delay that a schedule row may ask for, microseconds: 64^6 - 1 milliseconds. */
const longestDelay = (64n ** 6n - 1n) * 1000n;

/** What a schedule row asks for, microseconds. */
export type ScheduleWish =
  | { readonly kind: 'interval'; readonly interval: bigint }
  | { readonly kind: 'time'; readonly time: bigint };

/** Reads the ScheduleAt column. */
export function readSchedule(schema: TableSchema, row: Buffer, starts: readonly number[]): ScheduleWish | undefined {
  const at = schema.schedule === undefined ? undefined : starts[schema.schedule.column];
  if (at === undefined) return undefined;
  const value = row.readBigInt64LE(at + 1);
  if (row[at] === 1) return { kind: 'time', time: value };
  return { kind: 'interval', interval: value < 0n ? -value : value };
}

/** @throws {SysError} `scheduleAtDelayTooLong`. */
export function checkScheduleDelay(schema: TableSchema, row: Buffer, starts: readonly number[], now: bigint): void {
  const wish = readSchedule(schema, row, starts);
  if (wish === undefined) return;
  const delay = wish.kind === 'interval' ? wish.interval : wish.time - now;
  if (delay > longestDelay) throw new SysError('scheduleAtDelayTooLong');
}
