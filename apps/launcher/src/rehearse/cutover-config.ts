import { type CutoverConfig, defaultCutoverConfig, type GateRequirement } from '@autopilot/cutover-flags';
import type { Scale } from './scale.ts';

const hour = 3_600_000;
const day = 24 * hour;
const week = 7 * day;

/**
 * The configuration of a rehearsal: the default one with another scale. Soak, cooldown and release cycles are days and
 * hours of the fast clock; what machines do (answer, measure, approve, run gates) takes machine time, so its limits are
 * multiplied by the rate.
 */
export function rehearsalConfig({ clockRate, cohortSteps, heartbeatMs }: Scale): CutoverConfig {
  const machine = (ms: number) => ms * clockRate;
  const config = defaultCutoverConfig;
  const fresh: Partial<GateRequirement> = { max_age_ms: machine(day) };
  const seen: Partial<GateRequirement> = { max_age_ms: machine(30_000), min_cases: 5 };
  const gates = Object.fromEntries(
    Object.entries(config.gates).map(([gate, requirement]) => [gate, { ...requirement, ...fresh }]),
  ) as CutoverConfig['gates'];
  // Of a shorter time the same part has to be covered as of the default one.
  const least = Math.min(day, machine(heartbeatMs));
  const measures = gates.parity.measures.map((bound) =>
    bound.measure !== 'covered_ms' || bound.at_least === null
      ? bound
      : { ...bound, at_least: bound.at_least * (least / gates.parity.min_duration_ms) },
  );
  return {
    ...config,
    request_ttl_ms: machine(10 * 60_000),
    gates: {
      ...gates,
      parity: { ...gates.parity, ...seen, min_events: 500, min_duration_ms: least, measures },
      'parity-null': { ...gates['parity-null'], ...seen, min_cases: 3 },
    },
    cohort: { steps: [...cohortSteps], soak_ms: 12 * hour },
    service: { ...config.service, p95_ms: 5_000, min_samples: 20, max_age_ms: machine(60_000) },
    cooldown: { after_flip_ms: 10 * 60_000, after_rollback_ms: hour },
    release: { cycles: 2, min_cycle_ms: week },
    triggers: config.triggers.map((trigger) => ({ ...trigger, for_ms: machine(trigger.for_ms) })),
  };
}
