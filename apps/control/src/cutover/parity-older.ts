import type { Kysely } from 'kysely';
import { oneAtATime } from '../store/one-at-a-time.ts';
import type { Schema } from '../store/schema.ts';
import type { HeldWindow } from './held-window.ts';
import { type GridReader, rollUp, unitWindows } from './parity-roll-up.ts';

/** Windows of one transaction. */
const mostAtOnce = 500;

/** Counts each stored window once that a version without buckets has stored, whichever replica comes first. */
export async function countOlderWindows(db: Kysely<Schema>, readGrid: GridReader): Promise<void> {
  for (;;) {
    const left = await db.transaction().execute(async (tx) => {
      await oneAtATime(tx, 'cutover_parity_older');
      const rows = await tx
        .selectFrom('cutover_parity')
        .select(['id', 'unit', 'report'])
        .where('has_samples', 'is', null)
        .orderBy('id')
        .limit(mostAtOnce)
        .execute();
      const windows = rows.map(({ id, unit, report }) => ({ id, unit, held: JSON.parse(report) as HeldWindow }));
      for (const has_samples of [0, 1]) {
        const ids = windows
          .filter(({ held }) => Math.sign(held.window.samples.length) === has_samples)
          .map(({ id }) => id);
        if (ids.length > 0)
          await tx.updateTable('cutover_parity').set({ has_samples }).where('id', 'in', ids).execute();
      }
      await rollUp(tx, windows, await unitWindows(tx, rows), await readGrid(tx));
      return rows.length;
    });
    if (left < mostAtOnce) return;
  }
}
