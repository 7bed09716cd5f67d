import { inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { outbox, type PublishWork, simplePool } from './publish-contestants.ts';

/** One contestant with so many events in flight. */
export interface PublishFigure {
  readonly in_flight: number;
  readonly name: string;
  /** Events of all rounds that every relay has. */
  readonly counted: number;
  readonly events_per_second: number | null;
  /** Microseconds for an event: processor time of this process, and by the clock, with the least and most of a round. */
  readonly cpu_us: number | null;
  readonly cpu_us_least: number | null;
  readonly cpu_us_most: number | null;
  readonly wall_us: number | null;
  readonly wall_us_least: number | null;
  readonly wall_us_most: number | null;
  /** How many times as much as SimplePool. */
  readonly of_pool_cpu: number | null;
  readonly of_pool_wall: number | null;
}

/** @param folder Files are made in it. */
export async function measurePublish(folder: string, work: PublishWork, rounds: number): Promise<PublishFigure[]> {
  const figures = await inTurns([simplePool(work), outbox(work, folder)], { units: work.events, rounds });
  const [pool] = figures;
  if (pool === undefined) throw new Error('nothing was measured');
  return figures.map((own) => {
    const cpu = own.turns.map((turn) => turn.cpu);
    const wall = own.turns.map((turn) => turn.wall);
    return {
      in_flight: work.inFlight,
      name: own.name,
      counted: own.counted,
      events_per_second: rounded(Math.round(1_000_000 / median(wall))),
      cpu_us: rounded(median(cpu)),
      cpu_us_least: rounded(Math.min(...cpu)),
      cpu_us_most: rounded(Math.max(...cpu)),
      wall_us: rounded(median(wall)),
      wall_us_least: rounded(Math.min(...wall)),
      wall_us_most: rounded(Math.max(...wall)),
      of_pool_cpu: rounded(timesAsMuch(own, pool, 'cpu')),
      of_pool_wall: rounded(timesAsMuch(own, pool, 'wall')),
    };
  });
}
