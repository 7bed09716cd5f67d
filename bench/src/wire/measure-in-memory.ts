import { type Contestant, type Figures, inTurns, median, timesAsMuch } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { casesOf, type Shape } from './in-memory-cases.ts';

/** One contestant in one case; microseconds per row. */
export interface InMemoryFigure {
  readonly shape: Shape;
  readonly rows: number;
  readonly name: string;
  readonly cpu_us: number | null;
  readonly wall_us: number | null;
  /** Processor time of each official client, divided by this one's, by the name of the official client. */
  readonly official_takes: Readonly<Record<string, number | null>>;
}

/** Measures one case. */
export async function measureInMemory(shape: Shape, rows: number, rounds: number): Promise<InMemoryFigure[]> {
  const contestants: readonly Contestant[] = casesOf(shape, rows);
  // A turn does at least so many rows: one that takes less than a clock tick says nothing.
  const repeat = Math.ceil(20_000 / rows);
  const figures = await inTurns(contestants, { units: rows, rounds, repeat });
  const officials = figures.filter(({ name }) => name.startsWith('official'));
  return figures.map((own) => ({
    shape,
    rows,
    name: own.name,
    cpu_us: rounded(median(own.turns.map(({ cpu }) => cpu))),
    wall_us: rounded(median(own.turns.map(({ wall }) => wall))),
    official_takes: ratios(officials, own),
  }));
}

function ratios(officials: readonly Figures[], own: Figures): Record<string, number | null> {
  return Object.fromEntries(officials.map((one) => [one.name, rounded(timesAsMuch(one, own, 'cpu'))]));
}
