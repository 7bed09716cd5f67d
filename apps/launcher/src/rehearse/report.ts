import type { Measurement } from './measure.ts';
import type { Scale } from './scale.ts';
import type { Timeline } from './timeline.ts';

/** What a rehearsal has come to; `report.json`. Times in it are seconds since the start. */
export interface Report {
  readonly form: 'autopilot.cutover-rehearsal.v1';
  readonly ok: boolean;
  /** Why it ended early; null when it went the whole way. */
  readonly stopped_by: string | null;
  readonly began: string;
  readonly seconds: number;
  readonly seed: number;
  readonly quick: boolean;
  readonly scale: Scale;
  readonly commit: string | null;
  readonly packages: Readonly<Record<string, string>>;
  readonly measurement: Measurement | null;
  readonly differences: readonly string[];
  readonly handovers: { readonly done: number; readonly failed: number; readonly longest_ms: number | null };
  readonly publisher_repeated: number;
  readonly parity: unknown;
  readonly audit_records: number;
  readonly policies: number;
  readonly peak_applied_per_second: number | null;
  readonly checks: Timeline['checks'];
  readonly phases: Timeline['phases'];
  readonly crossings: Timeline['crossings'];
  readonly marks: Timeline['marks'];
  readonly samples: Timeline['samples'];
}

/** The one line of `--json`: the report without what is long. */
export function summaryOf(report: Report): object {
  const { marks: _m, samples: _s, phases: _p, crossings: _x, checks, scale: _c, parity: _parity, ...rest } = report;
  const failed = checks.filter(({ ok }) => !ok).map(({ name, seen }) => ({ name, seen }));
  return { ...rest, by_stage: eventsByStage(report.phases), checks: checks.length, failed };
}

/** Events of the phases added up by the stage that they were in. */
export interface StageEvents {
  /** `0`, `0 to 1` for a phase in which the stage changed, or `not known`. */
  readonly stage: string;
  readonly seconds: number;
  readonly published: number;
  readonly applied: number;
}

/** In the order in which the stages were come to first. */
export function eventsByStage(phases: Report['phases']): readonly StageEvents[] {
  const groups = Map.groupBy(phases, ({ stage }) => stage ?? 'not known');
  return [...groups].map(([stage, all]) => ({
    stage,
    seconds: Math.round(all.reduce((sum, { from, to }) => sum + to - from, 0) * 1000) / 1000,
    published: all.reduce((sum, { published }) => sum + published, 0),
    applied: all.reduce((sum, { applied }) => sum + applied, 0),
  }));
}

/** The same for a person. */
export function describeReport(report: Report): readonly string[] {
  const { measurement, checks, seconds, handovers } = report;
  const failed = checks.filter(({ ok }) => !ok);
  const number = (value: number | null | undefined) => value?.toLocaleString('en-GB') ?? 'not measured';
  const least = Math.min(...report.crossings.map((crossing) => crossing.least));
  return [
    '',
    report.ok ? 'The rehearsal held.' : 'The rehearsal did NOT hold.',
    ...(report.stopped_by === null ? [] : [`  stopped by    ${report.stopped_by}`]),
    `  time          ${seconds.toFixed(0)} s, seed ${report.seed}`,
    `  units         ${number(measurement?.units)}, ${handovers.done} changes of lane, the longest ${handovers.longest_ms === null ? 'not measured' : `${Math.round(handovers.longest_ms)} ms`}`,
    `  published     ${number(measurement?.published)} events`,
    `  applied       ${number(measurement?.applied)} events, by chain`,
    ...eventsByStage(report.phases).map(
      ({ stage, published, applied }) =>
        `  ${`Stage ${stage}`.padEnd(13)} ${number(published)} events published, ${number(applied)} applied`,
    ),
    `  changes       ${report.crossings.length} under load, at least ${report.crossings.length === 0 ? 'nothing' : number(least)} in each stream across each`,
    `  lost          ${number(measurement?.lost)}`,
    `  repeated      ${number(measurement?.repeated)}`,
    `  chains        ${number(measurement?.unequal_chains)} unequal`,
    `  checks        ${checks.length - failed.length} of ${checks.length} held`,
    ...failed.map(({ name, seen }) => `  FAILED        ${name}: ${seen}`),
    ...(measurement?.faults ?? []).slice(0, 10).map((fault) => `  FAULT         ${fault}`),
    '',
  ];
}
