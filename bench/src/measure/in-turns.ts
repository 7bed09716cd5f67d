/** What is measured and what is not. */
export interface Prepared {
  /** Measured. */
  work(): void | Promise<void>;
  /** Not measured: throws when the work did not do what it should have, and lets go of what it made. */
  check(): void | Promise<void>;
}

/** One that is measured against others on the same input. */
export interface Contestant {
  readonly name: string;
  prepare(): Prepared | Promise<Prepared>;
}

/** Microseconds per unit of work. */
export interface Turn {
  readonly wall: number;
  /**
   * Processor time of this process, user and system, collector threads included. On a machine that others use too it
   * tells what the work costs; `wall` also tells what the others did meanwhile.
   */
  readonly cpu: number;
}

/** The turns of one contestant, by round. */
export interface Figures {
  readonly name: string;
  readonly turns: readonly Turn[];
}

/**
 * Runs the contestants in turns (A B C, A B C, ...), so that what else the machine does hits all of them alike. The
 * first round warms up and is not counted.
 *
 * @param units Of one piece of work; a turn does `repeat` pieces, each made ready and checked by itself.
 */
export async function inTurns(
  contestants: readonly Contestant[],
  { units, rounds, repeat = 1 }: { readonly units: number; readonly rounds: number; readonly repeat?: number },
): Promise<Figures[]> {
  const turns = new Map<string, Turn[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const contestant of contestants) {
      const turn = await oneTurn(contestant, units, repeat);
      if (round > 0) turns.get(contestant.name)?.push(turn);
    }
  }
  return [...turns].map(([name, own]) => ({ name, turns: own }));
}

async function oneTurn(contestant: Contestant, units: number, repeat: number): Promise<Turn> {
  let wall = 0;
  let cpu = 0;
  for (let left = repeat; left > 0; left -= 1) {
    const { work, check } = await contestant.prepare();
    // What the one before left behind is not to be collected in this one's time. Once a turn: a full collection also
    // throws optimised code away, and small pieces would then be measured without it.
    if (left === repeat) globalThis.gc?.();
    const used = process.cpuUsage();
    const began = performance.now();
    const working = work();
    if (working !== undefined) await working;
    wall += (performance.now() - began) * 1_000;
    const { user, system } = process.cpuUsage(used);
    cpu += user + system;
    await check();
  }
  return { wall: wall / (units * repeat), cpu: cpu / (units * repeat) };
}

/** NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return ((low ?? Number.NaN) + (high ?? Number.NaN)) / 2;
}

/**
 * How many times as much `one` cost as `other`: the median over the rounds, each round compared with itself, so that a
 * slow minute of the machine does not fall on one of them.
 */
export function timesAsMuch(one: Figures, other: Figures, of: keyof Turn): number {
  return median(one.turns.map((turn, round) => turn[of] / (other.turns[round]?.[of] ?? Number.NaN)));
}
