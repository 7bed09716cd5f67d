import type { MutantResult } from './mutate-target.ts';

/** How many mutants there were, and what became of them. */
export interface Summary {
  /** Mutants that no test noticed and nobody explained. */
  readonly survived: number;
  readonly text: string;
}

export function summaryOf(results: readonly MutantResult[]): Summary {
  const count = (holds: (result: MutantResult) => boolean) => results.filter(holds).length;
  const killed = count(({ outcome }) => outcome === 'killed');
  const timedOut = count(({ outcome }) => outcome === 'timed-out');
  const equivalent = count(({ outcome, reason }) => outcome === 'survived' && reason !== undefined);
  const survived = count(({ outcome, reason }) => outcome === 'survived' && reason === undefined);
  const parts = [`${killed} killed`, `${timedOut} timed out`, `${equivalent} equivalent`, `${survived} survived`];
  return { survived, text: `${results.length} mutants: ${parts.join(', ')}` };
}
