import { admit, bucketOf, type CutoverPolicy, rosterOf } from '@autopilot/cutover-flags';
import { oneAtATime } from '../store/one-at-a-time.ts';
import type { Store } from '../store/open-store.ts';

/** Who is admitted to the rollout under its cap, first come, first served. */
export interface Admissions {
  /** Whether a unit is admitted; asking admits it while there is room. Always true where there is no cap. */
  ask(unit: string, policy: CutoverPolicy, now: number): Promise<boolean>;
  /** Whether a unit has a place, without giving it one. */
  has(unit: string, policy: CutoverPolicy): Promise<boolean>;
}

/** Admissions in the store. */
export function createAdmissions({ db }: Store): Admissions {
  async function placeOf(unit: string, salt: string): Promise<number | null> {
    const own = await db
      .selectFrom('cutover_admission')
      .select('position')
      .where('salt', '=', salt)
      .where('unit', '=', unit)
      .executeTakeFirst();
    if (own === undefined) return null;
    const { before } = await db
      .selectFrom('cutover_admission')
      .select((e) => e.fn.countAll<number>().as('before'))
      .where('salt', '=', salt)
      .where('position', '<', own.position)
      .executeTakeFirstOrThrow();
    return before;
  }

  return {
    async ask(unit, policy, now) {
      const { salt, cap } = policy.cohort;
      if (cap === null) return true;
      const place = await placeOf(unit, salt);
      if (place !== null) return place < cap;
      return db.transaction().execute(async (tx) => {
        // One at a time, so that no two units take the last place.
        await oneAtATime(tx, `cutover_admission ${salt}`);
        const rows = await tx
          .selectFrom('cutover_admission')
          .select('unit')
          .where('salt', '=', salt)
          .orderBy('position')
          .execute();
        const roster = rosterOf(
          salt,
          rows.map((row) => row.unit),
        );
        const outcome = admit(roster, { id: unit, bucket: bucketOf(salt, unit) }, policy, now);
        if (outcome.added) await tx.insertInto('cutover_admission').values({ salt, unit, admitted_at: now }).execute();
        return outcome.admitted;
      });
    },
    async has(unit, { cohort: { salt, cap } }) {
      if (cap === null) return true;
      const place = await placeOf(unit, salt);
      return place !== null && place < cap;
    },
  };
}
