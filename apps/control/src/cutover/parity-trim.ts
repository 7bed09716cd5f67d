import { comparisonPairs } from '@autopilot/cutover-flags/parity';
import type { Expression, ExpressionBuilder, Kysely, SqlBool } from 'kysely';
import { oneAtATime } from '../store/one-at-a-time.ts';
import type { Store } from '../store/open-store.ts';
import type { Schema } from '../store/schema.ts';
import { unitWindows } from './parity-roll-up.ts';
import { bridged, type Span } from './spans.ts';

/** How much is kept. */
export interface ParityBounds {
  /** Single windows: those with samples, which are looked at, and the others, which only tell a repetition. */
  readonly withSamples: number;
  readonly withoutSamples: number;
  /** Buckets of each pair. */
  readonly buckets: number;
  /** Units of each pair of which it is known where their deleted windows were. */
  readonly units: number;
}

/** What is trimmed. */
export interface TrimOptions {
  readonly store: Store;
  readonly bounds: ParityBounds;
  /** Lets others do something between two transactions: SQLite's hold up everything. */
  readonly pause: () => Promise<void>;
}

/** Windows of 10,000 units for a minute, and of three units for a day. */
export const defaultParityBounds: ParityBounds = {
  withSamples: 10_000,
  withoutSamples: 50_000,
  buckets: 200_000,
  units: 100_000,
};

/** Windows of one transaction. */
const mostAtOnce = 1_000;

/** Spans that are kept of the deleted windows of one unit: as many runs of a desktop. */
const mostSpans = 8;

type Which = (e: ExpressionBuilder<Schema, 'cutover_parity'>) => Expression<SqlBool>;

/** Deletes the oldest single windows beyond the bounds. They stay counted, and their units' spans known. */
export async function trimWindows({ store: { db }, bounds, pause }: TrimOptions, now: number): Promise<void> {
  for (const [has_samples, most] of [
    [1, bounds.withSamples],
    [0, bounds.withoutSamples],
  ] as const) {
    const bound = await db
      .selectFrom('cutover_parity')
      .select('id')
      .where('has_samples', '=', has_samples)
      .orderBy('id', 'desc')
      .offset(most)
      .limit(1)
      .executeTakeFirst();
    if (bound === undefined) continue;
    await forget({ db, pause }, (e) => e.and([e('has_samples', '=', has_samples), e('id', '<=', bound.id)]), now);
  }
}

/** Deletes what is of before a time, and the oldest of what is beyond the bounds. */
export async function sweepParity(options: TrimOptions, before: number, now: number): Promise<void> {
  const { db } = options.store;
  const { bounds, pause } = options;
  await forget({ db, pause }, (e) => e('to_at', '<', before), now);
  await trimWindows(options, now);
  for (const pair of comparisonPairs) {
    for (const [table, most] of [
      ['cutover_parity_bucket', bounds.buckets],
      ['cutover_parity_unit', bounds.units],
    ] as const) {
      const oldest = await db
        .selectFrom(table)
        .select('begins')
        .where('pair', '=', pair)
        .orderBy('begins', 'desc')
        .offset(most)
        .limit(1)
        .executeTakeFirst();
      if (oldest !== undefined) {
        await db.deleteFrom(table).where('pair', '=', pair).where('begins', '<', oldest.begins).execute();
      }
    }
    await db.deleteFrom('cutover_parity_bucket').where('pair', '=', pair).where('begins', '<', before).execute();
    // A deleted window was counted in a bucket that began before it was deleted: that one is gone too.
    await db
      .deleteFrom('cutover_parity_unit')
      .where('pair', '=', pair)
      .where('begins', '<', before)
      .where('forgotten_at', '<', before)
      .execute();
  }
}

/** Deletes windows in order of arrival, some at once, and notes in the same transaction where they were. */
async function forget(
  { db, pause }: { readonly db: Kysely<Schema>; readonly pause: () => Promise<void> },
  which: Which,
  now: number,
): Promise<void> {
  for (;;) {
    const left = await db.transaction().execute(async (tx) => {
      // One replica at a time: spans are read, added to and written.
      await oneAtATime(tx, 'cutover_parity_trim');
      const rows = await tx
        .selectFrom('cutover_parity')
        .select(['id', 'unit', 'pair', 'from_at', 'to_at'])
        .where(which)
        .orderBy('id')
        .limit(mostAtOnce)
        .execute();
      if (rows.length === 0) return 0;
      await noteForgotten(tx, rows, now);
      await tx
        .deleteFrom('cutover_parity')
        .where(
          'id',
          'in',
          rows.map(({ id }) => id),
        )
        .execute();
      return rows.length;
    });
    if (left < mostAtOnce) return;
    await pause();
  }
}

interface Deleted {
  readonly unit: string;
  readonly pair: string;
  readonly from_at: number;
  readonly to_at: number;
}

async function noteForgotten(db: Kysely<Schema>, rows: readonly Deleted[], now: number): Promise<void> {
  const known = await unitWindows(db, rows);
  const byUnit = Map.groupBy(rows, ({ unit, pair }) => JSON.stringify([unit, pair]));
  const noted = [...byUnit]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, windows]) => {
      const [first] = windows;
      if (first === undefined) return [];
      const { unit, pair } = first;
      const before = known(first);
      const spans = windows.map(({ from_at, to_at }): Span => [from_at, to_at]);
      const forgotten = JSON.stringify(bridged([...(before?.forgotten ?? []), ...spans], mostSpans));
      return [{ unit, pair, begins: before?.begins ?? 0, forgotten, forgotten_at: now }];
    });
  await db
    .insertInto('cutover_parity_unit')
    .values(noted)
    .onConflict((c) =>
      c.columns(['unit', 'pair']).doUpdateSet((e) => ({
        forgotten: e.ref('excluded.forgotten'),
        forgotten_at: e.ref('excluded.forgotten_at'),
      })),
    )
    .execute();
}
