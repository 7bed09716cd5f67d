/** What time it is, and what chance says. */
export interface World {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: number;
}

/**
 * Runs something that must not know time or chance in a world where both are fixed: `Date` and `Math.random` answer what
 * the world says until it returns. Other clocks and sources of chance go on as they do, and give another answer each time.
 */
export function inWorld<T>(world: World, run: () => T): T {
  const { Date: realDate } = globalThis;
  const { random } = Math;
  globalThis.Date = datesOf(realDate, world.now);
  Math.random = () => world.random;
  try {
    return run();
  } finally {
    globalThis.Date = realDate;
    Math.random = random;
  }
}

/** A proxy and not a class: dates made inside and outside stay instances of one another's constructor. */
function datesOf(realDate: DateConstructor, now: number): DateConstructor {
  return new Proxy(realDate, {
    construct: (target, given) => Reflect.construct(target, given.length === 0 ? [now] : given),
    apply: (target) => new target(now).toString(),
    get: (target, key) => (key === 'now' ? () => now : Reflect.get(target, key)),
  });
}
