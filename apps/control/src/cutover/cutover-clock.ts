import type { Clock } from '@autopilot/sync-contract';
import { ControlError } from '../errors.ts';
import { claimMeta } from '../store/meta.ts';
import type { Store } from '../store/open-store.ts';

/** The clock of soak, freshness and cooldown. */
export interface CutoverClock {
  /** Milliseconds since the Unix epoch; whole. */
  now(): number;
  /** How many times as fast as the machine's clock it runs. */
  readonly rate: number;
  /** The time of the machine at a time of this clock. */
  toWall(time: number): number;
  /** The time of this clock at a time of the machine. */
  fromWall(time: number): number;
}

/**
 * The cutover clock of a store. It runs at the machine's rate, or faster from the first start on for rehearsals. The rate
 * belongs to the store for good: evidence of a rehearsal must not pass for that of real days.
 *
 * @throws {ControlError} `clock_rate_changed`.
 */
export async function openCutoverClock(store: Store, clock: Clock, rate: number): Promise<CutoverClock> {
  const began = Number(await claimMeta(store, 'cutover_clock_began', String(Math.floor(clock.now()))));
  const stored = Number(await claimMeta(store, 'cutover_clock_rate', String(rate)));
  if (stored !== rate) {
    const message = `The cutover of this store runs at ${stored} times the machine's clock, not at ${rate} times.`;
    throw new ControlError('clock_rate_changed', message, { details: { stored, given: rate } });
  }
  const toWall = (time: number) => Math.floor(began + (time - began) / rate);
  const fromWall = (time: number) => Math.floor(began + (time - began) * rate);
  const same = (time: number) => time;
  return {
    now: () => (rate === 1 ? Math.floor(clock.now()) : fromWall(clock.now())),
    rate,
    toWall: rate === 1 ? same : toWall,
    fromWall: rate === 1 ? same : fromWall,
  };
}
