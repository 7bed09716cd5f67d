import type { Plan } from './plan.ts';
import type { Violation } from './report.ts';
import type { RunResult } from './run-plan.ts';

/** A seed that broke a rule. */
export interface Failure {
  readonly seed: number;
  readonly violation: Violation;
  readonly plan: Plan;
}

/** What many runs came to. */
export interface Summary {
  seeds: number;
  /** Simulated. */
  milliseconds: number;
  readonly failures: Failure[];
  /** Faults that were injected, by kind. */
  readonly faults: Record<string, number>;
  /** What the runs came through. */
  readonly seen: Record<string, number>;
}

/** Of no run. */
export function emptySummary(): Summary {
  return { seeds: 0, milliseconds: 0, failures: [], faults: {}, seen: {} };
}

/** Adds a run. */
export function addResult(
  summary: Summary,
  { seed, violation, faults, seen, milliseconds }: RunResult,
  plan: Plan,
): void {
  summary.seeds += 1;
  summary.milliseconds += milliseconds;
  addAll(summary.faults, faults);
  addAll(summary.seen, seen);
  if (violation !== undefined) summary.failures.push({ seed, violation, plan });
}

/** Adds the runs of another summary. */
export function addSummary(summary: Summary, other: Summary): void {
  summary.seeds += other.seeds;
  summary.milliseconds += other.milliseconds;
  summary.failures.push(...other.failures);
  addAll(summary.faults, other.faults);
  addAll(summary.seen, other.seen);
}

/** As text: one line, then a table of what was injected and of what was seen. */
export function summaryText(summary: Summary, wallMs: number): string {
  const { seeds, milliseconds, failures } = summary;
  const rate = Math.round((seeds / Math.max(1, wallMs)) * 1000);
  const hours = (milliseconds / 3_600_000).toFixed(1);
  const head = `${seeds} seeds in ${(wallMs / 1000).toFixed(1)} s (${rate} a second), ${hours} simulated hours, ${failures.length} failures`;
  return [head, '', 'injected:', ...columns(summary.faults), '', 'seen:', ...columns(summary.seen)].join('\n');
}

/** What a failing seed prints: what is wrong, what happened before, and how to see it again. */
export function failureText({ seed, violation, plan }: Failure): string {
  const steps = plan.steps
    .filter(({ at }) => at <= violation.at)
    .map(({ at, ...step }) => `  ${String(at).padStart(6)} ms  ${JSON.stringify(step)}`);
  return [
    `seed ${seed} broke the rule ${violation.rule} after ${Math.round(violation.at)} ms: ${violation.message}`,
    `  settings ${JSON.stringify(plan.settings)}`,
    ...steps,
    `  again: pnpm simulate --seed ${seed} --replay`,
  ].join('\n');
}

function columns(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, number]) => `  ${String(number).padStart(10)}  ${name}`);
}

function addAll(counts: Record<string, number>, more: Readonly<Record<string, number | undefined>>): void {
  for (const [name, number] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + (number ?? 0);
}
