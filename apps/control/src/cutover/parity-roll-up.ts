import type { ComparisonPair } from '@autopilot/cutover-flags/parity';
import type { CutoverState } from '@autopilot/cutover-flags';
import type { Kysely } from 'kysely';
import type { Schema } from '../store/schema.ts';
import type { CutoverClock } from './cutover-clock.ts';
import type { HeldWindow } from './held-window.ts';
import { moduleNote } from './module-watch.ts';
import {
  addBuckets,
  type Bucket,
  type BucketGrid,
  type BucketKey,
  bucketKeyOf,
  bucketLengthOf,
  bucketOf,
} from './parity-bucket.ts';
import type { Span } from './spans.ts';

/** A window of a unit that was not counted before. */
export interface NewWindow {
  readonly unit: string;
  readonly held: HeldWindow;
}

/** What is kept of the windows of a unit beside their counts. */
export interface UnitWindows {
  readonly unit: string;
  readonly pair: ComparisonPair;
  /** The newest bucket that a window of the unit is in; 0 when there is none. */
  readonly begins: number;
  /** Where windows were that are counted and no longer stored one by one, by the clock of the unit's machine. */
  readonly forgotten: readonly Span[];
}

/**
 * Adds windows to their buckets; belongs into the transaction that stores them. Replicas add one after the other. `known`
 * is what is kept of their units.
 */
export async function rollUp(
  db: Kysely<Schema>,
  windows: readonly NewWindow[],
  known: KnownWindows,
  grid: BucketGrid,
): Promise<void> {
  if (windows.length === 0) return;
  const units = new Map<string, { unit: string; pair: ComparisonPair; begins: number }>();
  const buckets = new Map<string, { key: BucketKey; added: Bucket[] }>();
  for (const { unit, held } of windows) {
    const key = bucketKeyOf(held, grid);
    const name = nameOf(key);
    const bucket = buckets.get(name) ?? { key, added: [] };
    bucket.added.push(bucketOf(held.window));
    buckets.set(name, bucket);
    const { pair } = key;
    const own = JSON.stringify([unit, pair]);
    units.set(own, { unit, pair, begins: Math.max(key.begins, units.get(own)?.begins ?? 0) });
  }
  // Most windows are in the bucket that the one before was in: then there is nothing to write.
  await noteUnits(
    db,
    inOrder(units).filter((each) => each.begins > (known(each)?.begins ?? 0)),
  );
  await add(db, inOrder(buckets));
}

/** All writers take rows in the same order, so that no two of them wait for each other. */
function inOrder<T>(byName: ReadonlyMap<string, T>): readonly T[] {
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

async function noteUnits(db: Kysely<Schema>, units: readonly Omit<UnitWindows, 'forgotten'>[]): Promise<void> {
  if (units.length === 0) return;
  await db
    .insertInto('cutover_parity_unit')
    .values(units.map((each) => ({ ...each, forgotten: '[]', forgotten_at: 0 })))
    .onConflict((c) =>
      c.columns(['unit', 'pair']).doUpdateSet((e) => {
        const [own, told] = [e.ref('cutover_parity_unit.begins'), e.ref('excluded.begins')];
        return { begins: e.case().when(told, '>', own).then(told).else(own).end() };
      }),
    )
    .execute();
}

/** What is kept of the windows that a unit has reported of a pair; undefined when that is nothing. */
export type KnownWindows = (of: { readonly unit: string; readonly pair: string }) => UnitWindows | undefined;

/** Reads what is kept of units. */
export async function unitWindows(db: Kysely<Schema>, of: readonly { readonly unit: string }[]): Promise<KnownWindows> {
  const ids = [...new Set(of.map(({ unit }) => unit))];
  const rows =
    ids.length === 0
      ? []
      : await db
          .selectFrom('cutover_parity_unit')
          .select(['unit', 'pair', 'begins', 'forgotten'])
          .where('unit', 'in', ids)
          .execute();
  const kept = new Map(
    rows.map((row): [string, UnitWindows] => [
      JSON.stringify([row.unit, row.pair]),
      { ...row, pair: row.pair as ComparisonPair, forgotten: JSON.parse(row.forgotten) as Span[] },
    ]),
  );
  return ({ unit, pair }) => kept.get(JSON.stringify([unit, pair]));
}

async function add(db: Kysely<Schema>, buckets: readonly { key: BucketKey; added: Bucket[] }[]): Promise<void> {
  const none = JSON.stringify(null);
  const before = await db
    .insertInto('cutover_parity_bucket')
    .values(buckets.map(({ key }) => ({ ...key, bucket: none })))
    // Takes the row until the end of the transaction: whoever adds to it next sees what was added here.
    .onConflict((c) => c.columns(keyColumns).doUpdateSet((e) => ({ begins: e.ref('excluded.begins') })))
    .returningAll()
    .execute();
  const known = new Map(before.map((row) => [nameOf(row), JSON.parse(row.bucket) as Bucket | null]));
  const after = buckets.map(({ key, added }) => {
    const stored = known.get(nameOf(key)) ?? null;
    return { ...key, bucket: JSON.stringify(addBuckets(stored === null ? added : [stored, ...added])) };
  });
  await db
    .insertInto('cutover_parity_bucket')
    .values(after)
    .onConflict((c) => c.columns(keyColumns).doUpdateSet((e) => ({ bucket: e.ref('excluded.bucket') })))
    .execute();
}

const keyColumns = ['pair', 'begins', 'ran', 'module_since'] as const;

function nameOf(key: { readonly [Name in (typeof keyColumns)[number]]: string | number }): string {
  return JSON.stringify(keyColumns.map((name) => key[name]));
}

/** Reads how evidence is kept apart now, in a transaction or out of one. */
export type GridReader = (db: Kysely<Schema>) => Promise<BucketGrid>;

/** A reader for one replica. The state grows to tens of kilobytes, so it is read when it has changed. */
export function createGridReader(clock: CutoverClock): GridReader {
  let known: { readonly version: number; readonly shareSince: number } | undefined;

  async function shareSince(db: Kysely<Schema>): Promise<number> {
    const now = await db.selectFrom('cutover_state').select('version').executeTakeFirst();
    // Without a state nothing was shared out yet.
    if (now === undefined) return 0;
    if (known?.version === now.version) return known.shareSince;
    const { version, state } = await db
      .selectFrom('cutover_state')
      .select(['version', 'state'])
      .executeTakeFirstOrThrow();
    known = { version, shareSince: clock.toWall((JSON.parse(state) as CutoverState).cohort_since) };
    return known.shareSince;
  }

  return async (db) => ({
    length: bucketLengthOf(clock.rate),
    shareSince: await shareSince(db),
    moduleSince: (await moduleNote(db))?.since ?? null,
  });
}
