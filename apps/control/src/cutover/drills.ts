import type { CutoverState } from '@autopilot/cutover-flags';
import type { Store } from '../store/open-store.ts';
import { ranOf } from './held-window.ts';
import type { KnownUnit } from './unit-store.ts';

/** One direction of a drill, as the units that changed lanes were seen. */
export interface DrillLeg {
  /** The policy revision that the units had to see. */
  readonly policy_revision: number;
  /** By the cutover clock. */
  readonly began_at: number;
  /** When the last of the units had seen it and was where it belongs; null until then. */
  readonly arrived_at: number | null;
}

/** A unit of a drill: what it had counted when the drill began. */
export interface DrilledUnit {
  readonly unit: string;
  readonly gaps: number;
  readonly conflicts: number;
  readonly duplicates: number;
  readonly applied: number;
  readonly chains_different: number;
  /** What it ran: `ranOf` its packages. */
  readonly ran: string | null;
}

/** A rollback and the return from it. */
export interface Drill {
  readonly from_stage: number;
  readonly from_percent: number;
  /** Units that were on spacetime when it began and were to leave it. */
  readonly units: readonly DrilledUnit[];
  readonly back: DrillLeg;
  readonly return: DrillLeg | null;
  /** What was seen of the units when the drill ended. */
  readonly seen: {
    readonly lost: number;
    readonly repeated: number;
    readonly different: number;
    readonly compared: number;
    readonly events: number;
    /** Units whose counts began anew meanwhile: what they lost before is not known. */
    readonly restarted: number;
  } | null;
  /** Why it can no longer be completed; null while it can. */
  readonly failed: string | null;
}

/** A drill with its place in the store. */
export interface StoredDrill {
  readonly id: number;
  readonly began_at: number;
  readonly ended_at: number | null;
  readonly drill: Drill;
}

/** Watches rollbacks and returns. */
export interface Drills {
  /** A rollback was published; `before` is the state it left, `live` the units heard of lately. */
  begin(before: CutoverState, after: CutoverState, live: readonly KnownUnit[], now: number): Promise<void>;
  /** Looks where the units of the open drill are. */
  watch(state: CutoverState, units: ReadonlyMap<string, KnownUnit>, now: number): Promise<void>;
  /** The last drill that ended; undefined when there is none. */
  last(): Promise<StoredDrill | undefined>;
  open(): Promise<StoredDrill | undefined>;
}

/** Drills in the store. */
export function createDrills({ db }: Store): Drills {
  const read = (row: { id: number; began_at: number; ended_at: number | null; drill: string }): StoredDrill => ({
    ...row,
    drill: JSON.parse(row.drill) as Drill,
  });

  async function newest(ended: boolean): Promise<StoredDrill | undefined> {
    const row = await db
      .selectFrom('cutover_drill')
      .selectAll()
      .where('ended_at', ended ? 'is not' : 'is', null)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row && read(row);
  }

  async function write(id: number, drill: Drill, ended_at: number | null): Promise<void> {
    const set = { drill: JSON.stringify(drill), ended_at };
    await db.updateTable('cutover_drill').set(set).where('id', '=', id).where('ended_at', 'is', null).execute();
  }

  return {
    async begin(before, after, live, now) {
      const open = await newest(false);
      if (open !== undefined) {
        await write(open.id, { ...open.drill, failed: 'Another rollback came before the units had returned.' }, now);
      }
      const units = live
        .filter(({ heartbeat }) => heartbeat.lane === 'spacetime')
        .map(({ unit, heartbeat, chains_different }) => {
          const { gaps, conflicts, duplicates, applied } = heartbeat;
          const ran = ranOf(heartbeat.packages);
          return { unit, gaps, conflicts, duplicates, applied, chains_different, ran };
        });
      const drill: Drill = {
        from_stage: before.stage,
        from_percent: before.stage === 2 ? 100 : before.cohort.percent,
        units,
        back: { policy_revision: after.policy_revision, began_at: now, arrived_at: null },
        return: null,
        seen: null,
        failed: units.length === 0 ? 'No live unit was on spacetime.' : null,
      };
      const ended_at = units.length === 0 ? now : null;
      await db
        .insertInto('cutover_drill')
        .values({ began_at: now, ended_at, drill: JSON.stringify(drill) })
        .execute();
    },
    async watch(state, units, now) {
      const open = await newest(false);
      if (open === undefined) return;
      const next = advance(open.drill, state, units, now);
      if (next === open.drill) return;
      const ended = next.failed !== null || next.seen !== null;
      await write(open.id, next, ended ? now : null);
    },
    last: () => newest(true),
    open: () => newest(false),
  };
}

/** The drill after one more look. */
export function advance(drill: Drill, state: CutoverState, units: ReadonlyMap<string, KnownUnit>, now: number): Drill {
  const all = (lane: 'khala' | 'spacetime', revision: number) =>
    drill.units.every(({ unit }) => {
      const heartbeat = units.get(unit)?.heartbeat;
      return heartbeat?.lane === lane && heartbeat.session === 'live' && (heartbeat.policy_revision ?? -1) >= revision;
    });
  if (drill.back.arrived_at === null) {
    if (state.policy_revision > drill.back.policy_revision) {
      return { ...drill, failed: 'The policy changed before every unit had gone back.' };
    }
    if (!all('khala', drill.back.policy_revision)) return drill;
    return { ...drill, back: { ...drill.back, arrived_at: now } };
  }
  if (drill.return === null) {
    const returned =
      state.stage > drill.from_stage || (state.stage === drill.from_stage && percentOf(state) >= drill.from_percent);
    if (!returned || state.status === 'flipping') return drill;
    return { ...drill, return: { policy_revision: state.policy_revision, began_at: now, arrived_at: null } };
  }
  if (!all('spacetime', drill.return.policy_revision)) return drill;
  const seen = seenOf(drill, units);
  // Equal chains are the proof: it takes one more of each unit since it is back.
  if (seen.compared < drill.units.length) return drill;
  return { ...drill, return: { ...drill.return, arrived_at: now }, seen };
}

function percentOf(state: CutoverState): number {
  return state.stage >= 2 ? 100 : state.cohort.percent;
}

function seenOf(drill: Drill, units: ReadonlyMap<string, KnownUnit>): NonNullable<Drill['seen']> {
  const seen = { lost: 0, repeated: 0, different: 0, compared: 0, events: 0, restarted: 0 };
  for (const before of drill.units) {
    const after = units.get(before.unit);
    if (after === undefined) continue;
    const { gaps, conflicts, applied, duplicates } = after.heartbeat;
    const fell = applied < before.applied || gaps < before.gaps || conflicts < before.conflicts;
    if (fell || duplicates < before.duplicates || ranOf(after.heartbeat.packages) !== before.ran) seen.restarted += 1;
    seen.lost += Math.max(0, gaps - before.gaps);
    seen.repeated += Math.max(0, conflicts - before.conflicts);
    seen.different += after.chains_different - before.chains_different;
    // On the lane it returned to: what it compared while it was away proves nothing about the return.
    seen.compared += after.heartbeat.chains_on_lane > 0 ? 1 : 0;
    seen.events += Math.max(0, applied - before.applied);
  }
  return seen;
}
