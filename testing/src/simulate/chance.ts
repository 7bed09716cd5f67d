import { seededRandom } from '../fake-host/seeded-random.ts';

/** Draws from one seed. */
export class Chance {
  /** A number from 0 (included) to 1 (excluded). */
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  /** A whole number; both bounds may be drawn. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** True so often out of 1. */
  maybe(share: number): boolean {
    return this.next() < share;
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.whole(0, values.length - 1)] ?? values[0];
  }
}

/** Another seed for each use of one seed, so that what one use draws does not shift what another does. */
export function seedFor(seed: number, use: string): number {
  let mixed = seed | 0;
  for (let at = 0; at < use.length; at += 1) mixed = Math.imul(mixed ^ use.charCodeAt(at), 0x01000193);
  return mixed;
}
