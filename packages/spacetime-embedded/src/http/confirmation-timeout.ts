import { Refusal } from './reply.ts';

const parameter = 'update_confirmation_timeout';
const unlessGiven = 5_000;
const atMost = 300_000;

/** Milliseconds, by the names that upstream's reader of durations knows. */
const units: readonly (readonly [names: string, milliseconds: number])[] = [
  ['ns nsec', 1e-6],
  ['us usec', 1e-3],
  ['ms msec', 1],
  ['s sec secs second seconds', 1_000],
  ['m min mins minute minutes', 60_000],
  ['h hr hrs hour hours', 3_600_000],
];

/**
 * Milliseconds for which a publisher waits until an update is on disk: `23s`, `1m`, `1m 30s`; 5 s when nothing is said, and
 * 5 min at most.
 *
 * @throws {Refusal} 400.
 */
export function confirmationTimeout({ searchParams }: URL): number {
  const text = searchParams.get(parameter);
  if (text === null) return unlessGiven;
  if (!/^\s*(\d+\s*[a-z]+\s*)+$/.test(text)) throw unreadable(text);
  let sum = 0;
  for (const [, count, unit = ''] of text.matchAll(/(\d+)\s*([a-z]+)/g)) {
    const found = units.find(([names]) => names.split(' ').includes(unit));
    if (found === undefined) throw unreadable(text);
    sum += Number(count) * found[1];
  }
  return Math.min(sum, atMost);
}

function unreadable(text: string): Refusal {
  return new Refusal(400, `${parameter} must be a duration such as 23s or 1m, not ${JSON.stringify(text)}.`);
}
