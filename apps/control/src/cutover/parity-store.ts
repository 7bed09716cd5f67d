import {
  addTotals,
  type ComparisonPair,
  type ParityTotals,
  type ParityWindow,
  type Sample,
} from '@autopilot/cutover-flags/parity';
import type { Scheduler } from '@autopilot/sync-contract';
import type { Kysely } from 'kysely';
import type { Store } from '../store/open-store.ts';
import type { Schema } from '../store/schema.ts';
import type { CutoverClock } from './cutover-clock.ts';
import { createGather } from './gather.ts';
import type { HeldWindow } from './held-window.ts';
import type { Bucket } from './parity-bucket.ts';
import { countOlderWindows } from './parity-older.ts';
import { createGridReader, type KnownWindows, rollUp, unitWindows } from './parity-roll-up.ts';
import { defaultParityBounds, sweepParity, trimWindows } from './parity-trim.ts';
import { joined, lengthOf } from './spans.ts';

/** What the windows of one pair over a time add up to. */
export interface ParityReport {
  /** Undefined when there is no window. */
  readonly totals: ParityTotals | undefined;
  /**
   * How long something was really compared: the length of the union of the windows that have settled a position,
   * milliseconds of the machine's clock. Windows of many units at one time count once, and what lies between them not at all.
   */
  readonly covered: number;
  /** By when they ended, in order of time; there may be several for one time. */
  readonly buckets: readonly { readonly begins: number; readonly totals: ParityTotals }[];
}

/** What is in use: windows of anything else are no evidence. */
export interface ParityInUse {
  /** What live units run, as `ranOf` names it. */
  readonly ran: ReadonlySet<string | null>;
  /** Since when the module is the present one, by the machine's clock. */
  readonly moduleSince: number;
}

/** The comparisons that units have reported. Times are milliseconds of the machine's clock. */
export interface ParityStore {
  /**
   * Counts a window and stores it; false when it was counted before. One that lies within time of which the unit's
   * windows were counted and deleted already may have been: it is not counted either.
   */
  add(unit: string, told: Pick<ParityWindow, 'from' | 'to'>, held: HeldWindow): Promise<boolean>;
  /** Windows in buckets that begin at or after `since`: those that end after the first border from then on. */
  report(pair: ComparisonPair, since: number, inUse?: ParityInUse): Promise<ParityReport>;
  /** How many units have reported them. */
  units(pair: ComparisonPair, since: number): Promise<number>;
  /** Samples of the newest windows that are stored one by one and end at or after `since`; the newest last. */
  samples(pair: ComparisonPair, since: number, most: number): Promise<readonly Sample[]>;
  /** Deletes the oldest single windows beyond the bound; they stay counted. */
  trim(now: number): Promise<void>;
  /** Deletes windows and counts of before a time. */
  sweep(before: number, now: number): Promise<void>;
}

/** Samples that are kept of one window. */
const mostSamples = 20;

/** Windows of one statement, and milliseconds that the first of them waits for others. */
const mostAtOnce = 200;
const gatherFor = 20;

interface Row {
  readonly unit: string;
  readonly pair: ComparisonPair;
  readonly from_at: number;
  readonly to_at: number;
}

interface NewRow {
  readonly row: Row;
  readonly held: HeldWindow;
}

const nameOf = ({ unit, pair, from_at, to_at }: Row) => JSON.stringify([unit, pair, from_at, to_at]);

/** Opens the comparisons of a store, and counts those that a version without buckets has stored. */
export async function openParityStore(
  store: Store,
  scheduler: Scheduler,
  clock: CutoverClock,
  bounds = defaultParityBounds,
): Promise<ParityStore> {
  const { db } = store;
  const readGrid = createGridReader(clock);
  await countOlderWindows(db, readGrid);

  /** Of each, whether it was counted now. Of two that are the same in one write, the first is. */
  function write(windows: readonly NewRow[]): Promise<boolean[]> {
    return db.transaction().execute(async (tx) => {
      const added = await insert(tx, windows);
      const fresh = windows.filter(({ row }) => added.delete(nameOf(row)));
      // Read after the insert: what was deleted until then is known here, and what was not has refused it there.
      const known = await unitWindows(
        tx,
        fresh.map(({ row }) => row),
      );
      const repeated = fresh.filter(({ row }) => wasForgotten(row, known));
      for (const { row } of repeated) await remove(tx, row);
      const counted = fresh.filter((each) => !repeated.includes(each));
      await rollUp(
        tx,
        counted.map(({ row, held }) => ({ unit: row.unit, held })),
        known,
        await readGrid(tx),
      );
      const news = new Set(counted);
      return windows.map((each) => news.has(each));
    });
  }

  const pause = () => new Promise<void>((resolve) => void scheduler.after(0, resolve));
  const trimming = { store, bounds, pause };
  const gather = createGather({ scheduler, wait: gatherFor, most: mostAtOnce, write });

  return {
    add(unit, told, { window, ran }) {
      const held: HeldWindow = { ran, window: { ...window, samples: window.samples.slice(0, mostSamples) } };
      const [from_at, to_at] = [Math.floor(told.from), Math.floor(told.to)];
      return gather({ row: { unit, pair: window.pair, from_at, to_at }, held });
    },
    async report(pair, since, inUse) {
      let query = db
        .selectFrom('cutover_parity_bucket')
        .select(['begins', 'ran', 'bucket'])
        .where('pair', '=', pair)
        .where('begins', '>=', since)
        .orderBy('begins');
      if (inUse !== undefined) {
        // It is not known to be in use: no window is of it.
        if (!Number.isFinite(inUse.moduleSince)) return { totals: undefined, covered: 0, buckets: [] };
        query = query.where('module_since', '=', inUse.moduleSince);
      }
      const found = (await query.execute())
        .filter(({ ran }) => inUse === undefined || (ran !== '' && inUse.ran.has(ran)))
        .map(({ begins, bucket }) => ({ begins, ...(JSON.parse(bucket) as Bucket) }));
      return {
        totals: found.length === 0 ? undefined : addTotals(found.map(({ totals }) => totals)),
        covered: lengthOf(joined(found.flatMap(({ covered }) => covered))),
        buckets: found.map(({ begins, totals }) => ({ begins, totals })),
      };
    },
    async units(pair, since) {
      const { count } = await db
        .selectFrom('cutover_parity_unit')
        .select((e) => e.fn.countAll<number>().as('count'))
        .where('pair', '=', pair)
        .where('begins', '>=', since)
        .executeTakeFirstOrThrow();
      return count;
    },
    async samples(pair, since, most) {
      const rows = await db
        .selectFrom('cutover_parity')
        .select('report')
        .where('has_samples', '=', 1)
        .where('pair', '=', pair)
        .where('to_at', '>=', since)
        .orderBy('id', 'desc')
        .limit(most)
        .execute();
      return rows
        .reverse()
        .flatMap(({ report }) => (JSON.parse(report) as HeldWindow).window.samples)
        .slice(-most);
    },
    trim: (now) => trimWindows(trimming, now),
    sweep: (before, now) => sweepParity(trimming, before, now),
  };
}

/** Stores windows that are not stored; returns the names of those. */
async function insert(tx: Kysely<Schema>, windows: readonly NewRow[]): Promise<Set<string>> {
  const rows = windows.map(({ row, held }) => {
    return { ...row, report: JSON.stringify(held), has_samples: held.window.samples.length > 0 ? 1 : 0 };
  });
  const stored = await tx
    .insertInto('cutover_parity')
    // In one order, so that two replicas that are told the same do not wait for each other.
    .values(rows.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)))
    .onConflict((c) => c.columns(['unit', 'pair', 'from_at', 'to_at']).doNothing())
    .returning(['unit', 'pair', 'from_at', 'to_at'])
    .execute();
  return new Set(stored.map((row) => nameOf(row as Row)));
}

function wasForgotten(row: Row, known: KnownWindows): boolean {
  return known(row)?.forgotten.some(([from, to]) => from <= row.from_at && row.to_at <= to) ?? false;
}

async function remove(tx: Kysely<Schema>, { unit, pair, from_at, to_at }: Row): Promise<void> {
  await tx
    .deleteFrom('cutover_parity')
    .where('unit', '=', unit)
    .where('pair', '=', pair)
    .where('from_at', '=', from_at)
    .where('to_at', '=', to_at)
    .execute();
}
