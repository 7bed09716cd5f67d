import type { GateObservation } from './gate.ts';
import type { GateRequirement, MeasureBound } from './requirement.ts';

/** What is in use: a receipt of anything else does not count. */
export interface InUse {
  readonly packages: Readonly<Record<string, string>>;
  readonly commit: string | null;
  readonly module_schema: string | null;
}

/** What an observation is worth for a requirement. */
export interface Judgement {
  readonly status: 'met' | 'stale' | 'failed' | 'inconclusive';
  /** One sentence for a person. */
  readonly reason: string;
  readonly next: string;
  /** Age of the end of the observation; null when it has no sound time. */
  readonly age_ms: number | null;
}

/** Judges an observation. Total: NaN, nothing and nonsense are inconclusive, never met and never thrown. */
export function judge(
  _observation: GateObservation,
  _requirement: GateRequirement,
  _now: number,
  _inUse: InUse,
  _measures: readonly MeasureBound[] = [],
): Judgement {
  throw new Error('not yet');
}
