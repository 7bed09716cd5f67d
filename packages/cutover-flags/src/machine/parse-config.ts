import { z } from 'zod';
import { gateIds } from '../gates/gate.ts';
import type { GateRequirement, MeasureBound } from '../gates/requirement.ts';
import { parseStrictly } from '../parse-strictly.ts';
import {
  type CutoverConfig,
  conditionIds,
  configSchema,
  type StepRequirements,
  stepIds,
  type Trigger,
} from './config.ts';
import { defaultCutoverConfig } from './default-config.ts';

const text = z.string().min(1).max(500);
const duration = z.int().nonnegative();
const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const percent = z.number().min(0).max(100);

const bound: z.ZodType<MeasureBound> = z
  .strictObject({ measure: text, at_least: z.number().nullable(), at_most: z.number().nullable() })
  .refine(({ at_least, at_most }) => at_least !== null || at_most !== null, 'bounds nothing');

const gate: z.ZodType<GateRequirement> = z.strictObject({
  max_age_ms: duration.min(1),
  min_cases: count.min(1),
  min_events: count,
  min_duration_ms: duration,
  measures: z.array(bound),
  packages: z.array(text),
  only_with: text.nullable(),
  same_commit: z.boolean(),
  same_schema: z.boolean(),
  needs_protocols: z.boolean(),
  since_change: z.boolean(),
  waivable: z.boolean(),
});

const step: z.ZodType<StepRequirements> = z.strictObject({
  gates: z
    .array(z.strictObject({ gate: z.enum(gateIds), measures: z.array(bound) }))
    .refine((entries) => new Set(entries.map((entry) => entry.gate)).size === entries.length, 'names a gate twice'),
  conditions: z
    .array(z.enum(conditionIds))
    .refine((ids) => new Set(ids).size === ids.length, 'names a condition twice'),
});

const clause = z
  .strictObject({ signal: text, above: z.number().nullable(), below: z.number().nullable(), clear: z.number() })
  .refine(({ above, below }) => (above === null) !== (below === null), 'needs either above or below')
  .refine(
    ({ above, below, clear }) => (above === null || clear <= above) && (below === null || clear >= below),
    'has a clear value on the bad side',
  );

const action = z.enum(['none', 'alert', 'hold', 'rollback-cohort', 'rollback-stage']);

const trigger: z.ZodType<Trigger> = z.strictObject({
  id: text,
  text,
  clauses: z.array(clause).min(1),
  samples: z.strictObject({ signal: text, at_least: count.min(1) }).nullable(),
  for_ms: duration,
  stage_1: action,
  stage_2: action,
});

const configuration: z.ZodType<CutoverConfig> = z.strictObject({
  schema: z.literal(configSchema),
  approvals: count.max(20),
  request_ttl_ms: duration.min(1),
  gates: z.record(z.enum(gateIds), gate),
  steps: z.record(z.enum(stepIds), step),
  cohort: z.strictObject({
    steps: z
      .array(percent)
      .min(1)
      .refine((steps) => steps.at(-1) === 100, 'does not end with 100')
      .refine((steps) => steps.every((each, at) => each > (steps[at - 1] ?? 0)), 'does not rise')
      .refine((steps) => steps.every((each) => Math.round(each * 100) / 100 === each), 'has more than two decimals'),
    soak_ms: duration,
  }),
  service: z.strictObject({
    p95_ms: z.number().positive(),
    error_budget: share,
    min_samples: count.min(1),
    max_age_ms: duration.min(1),
  }),
  sample_ratio: z.strictObject({ p: share, from_units: count.min(1) }),
  flip: z.strictObject({ ack_timeout_ms: duration.min(1), ack_ratio: z.number().positive().max(1) }),
  cooldown: z.strictObject({ after_flip_ms: duration, after_rollback_ms: duration }),
  release: z.strictObject({ cycles: count, min_cycle_ms: duration }),
  waivers: z.strictObject({ max_ms: duration }),
  emergency: z.strictObject({ max_ms: duration.min(1) }),
  triggers: z
    .array(trigger)
    .refine((list) => new Set(list.map((each) => each.id)).size === list.length, 'names a trigger twice'),
  trigger_clear_ms: duration,
  shadow_sample: z.strictObject({ stage_0: share, stage_1: share, stage_2: share }),
});

/**
 * The configuration that a JSON value holds. A member that is not there has its default, in objects within objects too;
 * a list replaces the whole default list. A member that is not known is refused.
 *
 * @throws {CutoverError} `invalid_config` with `details.path`.
 */
export function parseCutoverConfig(value: unknown): CutoverConfig {
  return parseStrictly(configuration, withDefaults(value, defaultCutoverConfig), 'invalid_config', 'configuration');
}

function withDefaults(value: unknown, defaults: unknown): unknown {
  if (value === undefined) return defaults;
  if (!isObject(value) || !isObject(defaults)) return value;
  const keys = new Set([...Object.keys(defaults), ...Object.keys(value)]);
  // fromEntries defines members, so that one named __proto__ stays a member and is refused as unknown.
  return Object.fromEntries(
    [...keys].map((key) => {
      const own = Object.hasOwn(value, key) ? value[key] : undefined;
      return [key, withDefaults(own, Object.hasOwn(defaults, key) ? defaults[key] : undefined)];
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
