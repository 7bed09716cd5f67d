import type { Machine } from './machine.ts';
import { short, tableOf } from './print.ts';

/** A cell of a table: a text as it is, a number with so many digits as say something, `-` for what was not measured. */
type Cell = string | number | null | undefined;

/** Prints what was measured for programs, or for people: the machine, a note on the columns, and a table. */
export function printFigures<Figure>(
  report: {
    readonly bench: string;
    readonly machine: Machine;
    readonly figures: readonly Figure[];
    /** How it was measured. */
    readonly [setting: string]: unknown;
  },
  {
    json,
    note,
    head,
    cells,
  }: {
    readonly json: boolean;
    readonly note: string;
    readonly head: readonly string[];
    readonly cells: (figure: Figure) => readonly Cell[];
  },
): void {
  if (json) {
    console.log(JSON.stringify(report));
    return;
  }
  const rows = report.figures.map((figure) =>
    cells(figure).map((cell) => (typeof cell === 'string' ? cell : short(cell))),
  );
  console.log(`${JSON.stringify(report.machine)}\n${note}\n${tableOf(head, rows)}`);
}
