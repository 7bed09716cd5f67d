import { type Contestant, type Figures, inTurns, median, timesAsMuch, type Turn } from '../measure/in-turns.ts';
import { rounded } from '../measure/print.ts';
import { casesOf, type Shape } from './in-memory-cases.ts';

/** One contestant in one case; microseconds per row. */
export interface InMemoryFigure {
  readonly shape: Shape;
  readonly rows: number;
  readonly name: string;
  /** Rows of all rounds that were seen to be applied. */
  readonly counted: number;
  readonly cpu_us: number | null;
  readonly wall_us: number | null;
  /** Processor time of each official client, divided by this one's, by the name of the official client. */
  readonly official_takes: Readonly<Record<string, number | null>>;
  readonly official_takes_by_clock: Readonly<Record<string, number | null>>;
}

/** @param rowsATurn The least: a turn that takes less than a clock tick says nothing. */
export async function measureInMemory(
  shape: Shape,
  { rows, rounds, rowsATurn }: { readonly rows: number; readonly rounds: number; readonly rowsATurn: number },
): Promise<InMemoryFigure[]> {
  const contestants: readonly Contestant[] = casesOf(shape, rows);
  const repeat = Math.ceil(rowsATurn / rows);
  const figures = await inTurns(contestants, { units: rows, rounds, repeat });
  const officials = figures.filter(({ name }) => name.startsWith('official'));
  return figures.map((own) => ({
    shape,
    rows,
    name: own.name,
    counted: own.counted,
    cpu_us: rounded(median(own.turns.map(({ cpu }) => cpu))),
    wall_us: rounded(median(own.turns.map(({ wall }) => wall))),
    official_takes: ratios(officials, own, 'cpu'),
    official_takes_by_clock: ratios(officials, own, 'wall'),
  }));
}

function ratios(officials: readonly Figures[], own: Figures, of: keyof Turn): Record<string, number | null> {
  return Object.fromEntries(officials.map((one) => [one.name, rounded(timesAsMuch(one, own, of))]));
}
