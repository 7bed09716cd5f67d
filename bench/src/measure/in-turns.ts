/** What is measured and what is not. */
export interface Prepared {
  /** Measured. */
  work(): void | Promise<void>;
  /**
   * Not measured: lets go of what the work made, and says how many units it has dealt with, as seen at its end and not by
   * whoever did it. Throws when what came of them is not right.
   */
  check(): number | Promise<number>;
}

/** One that is measured against others on the same input. */
export interface Contestant {
  readonly name: string;
  /** What {@link Prepared.check} has to count; by default the units that time is divided by. */
  readonly expected?: number;
  prepare(): Prepared | Promise<Prepared>;
  /** Microseconds of processor time so far, where another process than this one does the work. */
  cpu?(): Promise<number>;
}

/** Microseconds per unit of work. */
export interface Turn {
  readonly wall: number;
  /**
   * Processor time of this process or of the one that does the work, user and system, collector threads included. On a
   * machine that others use too it tells what the work costs; `wall` also tells what the others did meanwhile.
   */
  readonly cpu: number;
}

/** The turns of one contestant, by round. */
export interface Figures {
  readonly name: string;
  readonly turns: readonly Turn[];
  /** Units of all turns that were seen to be dealt with, warming up left out. */
  readonly counted: number;
}

/**
 * Runs the contestants in turns (A B C, A B C, ...), so that what else the machine does hits all of them alike. The
 * first round warms up and is not counted.
 *
 * @param units Of one piece of work; a turn does `repeat` pieces, each made ready and checked by itself.
 * @throws {Error} when one of them did not deal with all of its units, or there are none.
 */
export async function inTurns(
  contestants: readonly Contestant[],
  { units, rounds, repeat = 1 }: { readonly units: number; readonly rounds: number; readonly repeat?: number },
): Promise<Figures[]> {
  const figures = contestants.map(({ name }) => ({ name, turns: [] as Turn[], counted: 0 }));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [at, contestant] of contestants.entries()) {
      const turn = await oneTurn(contestant, units, repeat);
      const own = figures[at];
      if (round === 0 || own === undefined) continue;
      own.turns.push(turn);
      own.counted += (contestant.expected ?? units) * repeat;
    }
  }
  return figures;
}

async function oneTurn(contestant: Contestant, units: number, repeat: number): Promise<Turn> {
  let wall = 0;
  let cpu = 0;
  for (let left = repeat; left > 0; left -= 1) {
    const { work, check } = await contestant.prepare();
    // What the one before left behind is not to be collected in this one's time. Once a turn: a full collection also
    // throws optimised code away, and small pieces would then be measured without it.
    if (left === repeat) globalThis.gc?.();
    const other = await contestant.cpu?.();
    const used = process.cpuUsage();
    const began = performance.now();
    const working = work();
    if (working !== undefined) await working;
    wall += (performance.now() - began) * 1_000;
    const { user, system } = process.cpuUsage(used);
    cpu += other === undefined ? user + system : ((await contestant.cpu?.()) ?? Number.NaN) - other;
    const expected = contestant.expected ?? units;
    const counted = await check();
    if (counted !== expected || !(counted > 0)) {
      throw new Error(`${contestant.name} has dealt with ${counted} of ${expected}: nothing was measured.`);
    }
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
