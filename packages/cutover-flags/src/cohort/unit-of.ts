import type { Admission } from '../policy/admission.ts';
import type { CutoverPolicy } from '../policy/policy.ts';
import type { Unit } from '../rulebook/decision.ts';
import { bucketOf } from './bucket.ts';

/**
 * What a decision has to know of a unit. Make it again when policy or admission changes, not for every decision. An
 * admission of another unit, deployment or rollout does not count.
 *
 * @throws {CutoverError} `invalid_cohort` when the id is empty or no well-formed Unicode.
 */
export function unitOf(id: string, policy: CutoverPolicy | null, admission: Admission | null): Unit {
  if (policy === null) return { id, bucket: 0, admitted: false };
  const { salt } = policy.cohort;
  const admitted =
    admission?.admitted === true &&
    admission.unit === id &&
    admission.salt === salt &&
    admission.deployment === policy.deployment;
  return { id, bucket: bucketOf(salt, id), admitted };
}
