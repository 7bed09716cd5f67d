import { payloadHash } from '@autopilot/sync-contract';
import { CutoverError } from '../errors.ts';

/** How many buckets there are: a share of 0.01 % is one of them. */
export const buckets = 10_000;

/**
 * The bucket of a unit, 0 to 9999, for the life of a rollout. The first 48 bits of the SHA-256 of the canonical JSON
 * `[salt, unit]`, modulo 10,000: the same in every process, language and year.
 *
 * @throws {CutoverError} `invalid_cohort` when salt or unit is empty or no well-formed Unicode.
 */
export function bucketOf(salt: string, unit: string): number {
  for (const [name, value] of [['salt', salt] as const, ['unit', unit] as const]) {
    if (typeof value === 'string' && value !== '' && value.isWellFormed()) continue;
    throw new CutoverError('invalid_cohort', `${name} must be a text that is not empty and well-formed.`, {
      details: { field: name },
    });
  }
  const digits = payloadHash([salt, unit]).slice('sha256:'.length, 'sha256:'.length + 12);
  return Number.parseInt(digits, 16) % buckets;
}
