import { CutoverError } from '../errors.ts';
import type { CutoverPolicy } from '../policy/policy.ts';
import type { Unit } from '../rulebook/decision.ts';
import { activeEntry, isInShare } from './membership.ts';

/** Who was admitted to a rollout, in the order of arrival. Nobody is ever taken off it. */
export interface AdmissionRoster {
  /** The salt of the rollout it belongs to. */
  readonly salt: string;
  readonly size: number;
  /** Place of a unit, from 0; null when it has none. */
  positionOf(unit: string): number | null;
}

/** The answer to a unit that asks. */
export interface AdmissionOutcome {
  /** Whether the unit may use spacetime under the cap. */
  readonly admitted: boolean;
  /** Its place on the roster; null when it has none. */
  readonly position: number | null;
  /** Whether the place is new: the caller appends the unit to the roster, and answers only when that is stored. */
  readonly added: boolean;
  /** For a person: one sentence. */
  readonly reason: string;
}

/** A roster over a list of unit ids in the order of arrival. */
export function rosterOf(salt: string, units: readonly string[]): AdmissionRoster {
  const positions = new Map(units.map((unit, position) => [unit, position]));
  if (positions.size !== units.length) throw new CutoverError('invalid_cohort', 'A unit stands on the roster twice.');
  return { salt, size: units.length, positionOf: (unit) => positions.get(unit) ?? null };
}

/**
 * Whether a unit is admitted. First come, first served, and for good: a place is kept while the share shrinks and grows,
 * through a rollback and through a restart. Only the first `cap` places count, so a lower cap takes effect on the last
 * that came, and a higher one lets the same units in again.
 *
 * @throws {CutoverError} `invalid_cohort` when the roster is of another rollout.
 */
export function admit(
  roster: AdmissionRoster,
  unit: Pick<Unit, 'id' | 'bucket'>,
  policy: CutoverPolicy,
  now: number,
): AdmissionOutcome {
  const { cohort, stage } = policy;
  if (roster.salt !== cohort.salt) {
    throw new CutoverError('invalid_cohort', 'The roster is of a rollout with another salt: begin a new one.');
  }
  const cap = cohort.cap ?? Number.POSITIVE_INFINITY;
  const place = roster.positionOf(unit.id);
  if (place !== null) {
    const admitted = place < cap;
    const reason = admitted ? 'It was admitted before.' : 'Its place is beyond the cap, which was lowered since.';
    return { admitted, position: place, added: false, reason };
  }
  const refusal = refusalOf();
  if (refusal !== null) return { admitted: false, position: null, added: false, reason: refusal };
  return { admitted: true, position: roster.size, added: true, reason: 'There is a place for it.' };

  function refusalOf(): string | null {
    if (stage !== 1) return 'Units are admitted in Stage 1 only.';
    if (activeEntry(cohort.exclude, unit.id, now) !== null) return 'It is excluded.';
    if (!isInShare(cohort.percent, unit.bucket)) return 'Its bucket is outside the share.';
    return roster.size < cap ? null : 'The cap is reached.';
  }
}
