import { type ComparisonPair, mergeWindows, type ParityWindow } from '@autopilot/cutover-flags/parity';
import type { Scheduler } from '@autopilot/sync-contract';
import type { Store } from '../store/open-store.ts';
import { createGather } from './gather.ts';
import type { HeldWindow } from './held-window.ts';

/** Windows of one pair over a time. */
export interface ParityReport {
  readonly windows: readonly ParityWindow[];
  readonly units: number;
  /** All of them in one; undefined when there is none. */
  readonly merged: ParityWindow | undefined;
}

/** The comparisons that units have reported. */
export interface ParityStore {
  /** Stores a window; false when one that was told with the same times is known. */
  add(unit: string, told: Pick<ParityWindow, 'from' | 'to'>, held: HeldWindow): Promise<boolean>;
  /** Windows that end at or after `since`, by the clock of the machines, and of them those that `counts`. */
  report(pair: ComparisonPair, since: number, counts?: (held: HeldWindow) => boolean): Promise<ParityReport>;
  /** Deletes windows that ended before, and the oldest beyond the bound. */
  sweep(before: number): Promise<void>;
}

/** Windows that are kept, whatever their age. */
const mostWindows = 50_000;

/** Samples that are kept of one window. */
const mostSamples = 20;

/** Windows that one report reads. */
const longestReport = 20_000;

/** Windows of one statement, and milliseconds that the first of them waits for others. */
const mostAtOnce = 200;
const gatherFor = 20;

/** Comparisons in the store. */
export function createParityStore({ db }: Store, scheduler: Scheduler): ParityStore {
  interface Row {
    readonly unit: string;
    readonly pair: ComparisonPair;
    readonly from_at: number;
    readonly to_at: number;
  }
  const nameOf = ({ unit, pair, from_at, to_at }: Row) => JSON.stringify([unit, pair, from_at, to_at]);

  /** Of each, whether it was new. Of two that are the same in one write, the first is. */
  async function write(windows: readonly { readonly row: Row; readonly report: string }[]): Promise<boolean[]> {
    const stored = await db
      .insertInto('cutover_parity')
      .values(windows.map(({ row, report }) => ({ ...row, report })))
      .onConflict((c) => c.columns(['unit', 'pair', 'from_at', 'to_at']).doNothing())
      .returning(['unit', 'pair', 'from_at', 'to_at'])
      .execute();
    const added = new Set(stored.map((row) => nameOf(row as Row)));
    return windows.map(({ row }) => added.delete(nameOf(row)));
  }

  const gather = createGather({ scheduler, wait: gatherFor, most: mostAtOnce, write });

  return {
    add(unit, told, { window, ran }) {
      const held: HeldWindow = { ran, window: { ...window, samples: window.samples.slice(0, mostSamples) } };
      const report = JSON.stringify(held);
      const [from_at, to_at] = [Math.floor(told.from), Math.floor(told.to)];
      return gather({ row: { unit, pair: window.pair, from_at, to_at }, report });
    },
    async report(pair, since, counts = () => true) {
      const rows = await db
        .selectFrom('cutover_parity')
        .select(['unit', 'report'])
        .where('pair', '=', pair)
        .where('to_at', '>=', since)
        .orderBy('to_at', 'desc')
        .limit(longestReport)
        .execute();
      const held = rows
        .map(({ unit, report }) => ({ unit, ...(JSON.parse(report) as HeldWindow) }))
        .filter((each) => each.window.to >= since && counts(each))
        .reverse();
      const windows = held.map(({ window }) => window);
      const merged = windows.length === 0 ? undefined : mergeWindows(windows);
      return { windows, units: new Set(held.map(({ unit }) => unit)).size, merged };
    },
    async sweep(before) {
      await db.deleteFrom('cutover_parity').where('to_at', '<', before).execute();
      const bound = await db
        .selectFrom('cutover_parity')
        .select('id')
        .orderBy('id', 'desc')
        .offset(mostWindows)
        .limit(1)
        .executeTakeFirst();
      if (bound !== undefined) await db.deleteFrom('cutover_parity').where('id', '<=', bound.id).execute();
    },
  };
}
