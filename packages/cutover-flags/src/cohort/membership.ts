import type { CohortEntry } from '../policy/policy.ts';
import { isActive } from '../policy/validity.ts';
import { buckets } from './bucket.ts';

// Beside the frozen lists of a parsed policy, never on them: a list must stay what it was signed as.
const entryIndexes = new WeakMap<readonly CohortEntry[], ReadonlyMap<string, CohortEntry>>();
const unitIndexes = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Makes looking up a unit independent of the length of the list. Nothing of the list may change afterwards. */
export function indexEntries(entries: readonly CohortEntry[]): void {
  entryIndexes.set(entries, new Map(entries.map((entry) => [entry.unit, entry])));
}

/** The same for a list of unit ids. */
export function indexUnits(units: readonly string[]): void {
  unitIndexes.set(units, new Set(units));
}

/**
 * The entry of a unit that has not expired, or null.
 *
 * @throws {TypeError} when the list or the unit is not what it should be: then nothing can be said.
 */
export function activeEntry(entries: readonly CohortEntry[], unit: string, now: number): CohortEntry | null {
  if (!Array.isArray(entries) || typeof unit !== 'string') throw new TypeError('not a list of entries or not a unit');
  if (entries.length === 0) return null;
  const index = entryIndexes.get(entries);
  if (index !== undefined) {
    const entry = index.get(unit);
    return entry !== undefined && isActive(entry.until, now) ? entry : null;
  }
  for (const entry of entries as readonly CohortEntry[]) {
    if (entry.unit === unit && isActive(entry.until, now)) return entry;
  }
  return null;
}

/** Whether a list of unit ids names a unit. */
export function coversUnit(units: readonly string[], unit: string): boolean {
  return typeof unit === 'string' && (unitIndexes.get(units)?.has(unit) ?? units.includes(unit));
}

/** Whether a bucket lies in a share of `percent`. What is not a share or not a bucket is not in it. */
export function isInShare(percent: number, bucket: number): boolean {
  if (!(percent >= 0 && percent <= 100) || !Number.isInteger(bucket) || bucket < 0 || bucket >= buckets) return false;
  // Rounded, because 1.1 * 100 is more than 110.
  return bucket < Math.round(percent * 100);
}
