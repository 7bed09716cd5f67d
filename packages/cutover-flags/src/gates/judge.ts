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

// How far a gate's clock may be ahead of the one that judges.
const clockSkew = 300_000;

/**
 * Judges an observation. Total: NaN, nothing and nonsense are inconclusive, never met and never thrown. `measures` are
 * bounds beside those of the requirement, `changedAt` is when stage or share last changed, milliseconds since the Unix epoch.
 */
export function judge(
  observation: GateObservation,
  requirement: GateRequirement,
  now: number,
  inUse: InUse,
  measures: readonly MeasureBound[] = [],
  changedAt = 0,
): Judgement {
  const { observed_from, observed_to, counts, environment, verdict } = observation;
  const age_ms = Number.isFinite(observed_to) && Number.isFinite(now) ? Math.max(0, now - observed_to) : null;
  const inconclusive = (reason: string, next = 'Run the gate again.'): Judgement => ({
    status: 'inconclusive',
    reason,
    next,
    age_ms,
  });

  if (age_ms === null || !Number.isFinite(observed_from)) return inconclusive('It has no sound time.');
  if (observed_to > now + clockSkew) return inconclusive('It ends in the future.', 'Check the clocks, run it again.');
  if (observed_from > observed_to) return inconclusive('It ends before it begins.');
  const counted = [counts.cases, counts.failed, counts.skipped, counts.events];
  if (![...counted, ...Object.values(observation.measures)].every(Number.isFinite)) {
    return inconclusive('A number of it is not finite.');
  }
  if (counted.some((count) => count < 0)) return inconclusive('A count of it is negative.');
  const elsewhere = foreign(environment, requirement, inUse);
  if (elsewhere !== null) return inconclusive(elsewhere, 'Run the gate on what is in use.');

  if (verdict === 'fail' || counts.failed > 0) {
    return { status: 'failed', reason: observation.reason, next: 'Repair what it found, then run it again.', age_ms };
  }
  if (verdict !== 'pass') return inconclusive(observation.reason);
  if (age_ms > requirement.max_age_ms) {
    return { status: 'stale', reason: 'Its observation is too old.', next: 'Run the gate again.', age_ms };
  }
  // A time that is not known is not before the observation either.
  if (requirement.since_change && !(observed_to >= changedAt)) {
    const reason = 'It ended before stage or share last changed.';
    return { status: 'stale', reason, next: 'Let units compare what they have now, then run the gate again.', age_ms };
  }
  if (counts.skipped > 0) return inconclusive(`${counts.skipped} of its cases were skipped.`);
  const cases = Math.max(1, requirement.min_cases);
  if (counts.cases < cases) return inconclusive(`It ran ${counts.cases} of at least ${cases} cases.`);
  if (counts.events < requirement.min_events) {
    return inconclusive(`It saw ${counts.events} of at least ${requirement.min_events} events.`);
  }
  if (observed_to - observed_from < requirement.min_duration_ms) {
    return inconclusive(`It looked for ${observed_to - observed_from} of at least ${requirement.min_duration_ms} ms.`);
  }
  for (const bound of [...requirement.measures, ...measures]) {
    const value = Object.hasOwn(observation.measures, bound.measure) ? observation.measures[bound.measure] : undefined;
    if (value === undefined) return inconclusive(`It did not measure ${bound.measure}.`);
    if ((bound.at_least !== null && value < bound.at_least) || (bound.at_most !== null && value > bound.at_most)) {
      const reason = `${bound.measure} is ${value}, wanted ${boundText(bound)}.`;
      return { status: 'failed', reason, next: 'Repair what it found, then run it again.', age_ms };
    }
  }
  return { status: 'met', reason: observation.reason, next: '', age_ms };
}

/** What of the observation is not what is in use; null when all is. */
function foreign(
  environment: GateObservation['environment'],
  requirement: GateRequirement,
  inUse: InUse,
): string | null {
  const ran = Object.entries(environment.packages);
  if (ran.length === 0) return 'It names no package that ran.';
  for (const [name, version] of ran) {
    const used = Object.hasOwn(inUse.packages, name) ? inUse.packages[name] : undefined;
    if (used !== undefined && used !== version) return `It ran ${name}@${version}; ${used} is in use.`;
  }
  const covers = requirement.packages.some(
    (name) => ran.some(([own]) => own === name) && Object.hasOwn(inUse.packages, name),
  );
  if (requirement.packages.length > 0 && !covers) return 'It ran none of the packages that are asked for.';
  if (requirement.same_commit && (inUse.commit === null || environment.commit !== inUse.commit)) {
    return `It is of commit ${environment.commit ?? 'unknown'}; ${inUse.commit ?? 'an unknown one'} is in use.`;
  }
  if (requirement.same_schema && (inUse.module_schema === null || environment.module_schema !== inUse.module_schema)) {
    return 'It is of another module schema, or the one in use is not known.';
  }
  if (requirement.needs_protocols && environment.protocols.length === 0) return 'It names no negotiated protocol.';
  return null;
}

function boundText({ at_least, at_most }: MeasureBound): string {
  if (at_least !== null && at_most !== null) return `${at_least} to ${at_most}`;
  return at_least === null ? `at most ${at_most}` : `at least ${at_least}`;
}
