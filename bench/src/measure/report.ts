import type { Machine } from './machine.ts';

/** One line of what a benchmark says. */
export interface Figure {
  readonly name: string;
  /** Units of work that were seen to be done. */
  readonly counted: number;
}

/** What a benchmark says: what was measured, on what, and how. */
export interface Report<Measured extends Figure> {
  readonly bench: string;
  readonly settings: Readonly<Record<string, number | string>>;
  readonly machine: Machine;
  readonly figures: readonly Measured[];
}

/**
 * Prints a report for programs, or for people.
 *
 * @param needed The members that every figure must have, as a finite number above 0.
 * @throws {Error} when one of them has not, or there is no figure: then nothing was measured, and nothing is printed.
 */
export function printReport<Measured extends Figure>(
  report: Report<Measured>,
  needed: readonly (keyof Measured & string)[],
  { json, table }: { readonly json: boolean; readonly table: (figures: readonly Measured[]) => string },
): void {
  if (report.figures.length === 0) throw new Error(`${report.bench}: no figures: nothing was measured.`);
  for (const figure of report.figures) {
    for (const member of ['counted', ...needed] as const) {
      const value = figure[member];
      if (typeof value === 'number' && Number.isFinite(value) && value > 0) continue;
      throw new Error(`${report.bench}: "${member}" of "${figure.name}" is ${String(value)}: nothing was measured.`);
    }
  }
  if (json) console.log(JSON.stringify(report));
  else console.log(`${JSON.stringify({ ...report.settings, ...report.machine })}\n${table(report.figures)}`);
}
