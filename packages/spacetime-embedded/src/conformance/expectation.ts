import { inspect, isDeepStrictEqual } from 'node:util';

/** A server need not do what a case is about; the message says why. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}

/** The server does something else than it should. */
export class Difference extends Error {
  override readonly name = 'Difference';
}

/** @throws {Difference} */
export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Difference(what);
}

/** @throws {Difference} with both values. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Difference(`${what}: expected ${shown(expected)}, got ${shown(actual)}`);
}

/** @throws {Difference} */
export function matches(actual: string, pattern: RegExp, what: string): void {
  if (!pattern.test(actual)) throw new Difference(`${what}: expected ${pattern}, got ${shown(actual)}`);
}

/** A value on one line. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 8, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 300 });
}
