import { z } from 'zod';
import { indexEntries, indexUnits } from '../cohort/membership.ts';
import { CutoverError } from '../errors.ts';
import { type CohortPolicy, type CutoverPolicy, policySchema } from './policy.ts';
import { issuesOf } from './schema-issues.ts';

/** The most entries one list of a policy may have. */
export const longestList = 10_000;

const time = z.int().nonnegative();
const text = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((value) => value.isWellFormed(), 'is not well-formed Unicode');
const unit = text(200);

function withoutDuplicates<Item>(list: z.ZodArray<z.ZodType<Item>>, keyOf: (item: Item) => string) {
  return list.max(longestList).superRefine((items, context) => {
    const seen = new Set<string>();
    items.forEach((item, at) => {
      const key = keyOf(item);
      if (seen.has(key)) context.addIssue({ code: 'custom', path: [at], message: `names ${key} a second time` });
      seen.add(key);
    });
  });
}

const entry = z.strictObject({ unit, until: time, reason: text(500) });
const entries = withoutDuplicates(z.array(entry), ({ unit: id }) => id);

const cohortSchema: z.ZodType<CohortPolicy> = z.strictObject({
  salt: text(200),
  percent: z
    .number()
    .min(0)
    .max(100)
    .refine((value) => Math.round(value * 100) / 100 === value, 'has more than two decimals'),
  cap: z.int().nonnegative().nullable(),
  include: entries,
  exclude: entries,
});

const fallbackSchema = z
  .strictObject({
    incident: text(200),
    operator: text(200),
    reason: text(500),
    since: time,
    expires_at: time,
    units: z.union([z.literal('all'), withoutDuplicates(z.array(unit).min(1), (id) => id)]),
  })
  .refine(({ since, expires_at }) => since < expires_at, { path: ['expires_at'], message: 'is not after since' });

const schema: z.ZodType<CutoverPolicy> = z
  .strictObject({
    schema: z.literal(policySchema),
    deployment: text(200),
    revision: z.int().nonnegative(),
    stage: z.literal([0, 1, 2, 3]),
    sealed: z.boolean(),
    issued_at: time,
    cohort: cohortSchema,
    fallback: fallbackSchema.nullable(),
    drain: z.boolean(),
    shadow_sample: z.number().min(0).max(1),
  })
  .refine(({ sealed, stage }) => !sealed || stage === 3, { path: ['sealed'], message: 'is possible in Stage 3 only' });

/**
 * A policy out of a value of unknown origin, deeply frozen. Everything is checked: a field that this version does not
 * know could change the meaning of the others, so it is refused like a wrong one.
 *
 * @throws {CutoverError} `unknown_schema` for a document of another form; `invalid_policy`, with the path of the first
 *   wrong field and all issues in `details`.
 */
export function parsePolicy(value: unknown): CutoverPolicy {
  const form = typeof value === 'object' && value !== null ? (value as { schema?: unknown }).schema : undefined;
  if (typeof form === 'string' && form !== policySchema) {
    throw new CutoverError('unknown_schema', `The policy has the form ${form.slice(0, 100)}, not ${policySchema}.`, {
      details: { path: 'schema', schema: form.slice(0, 100) },
    });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const issues = issuesOf(parsed.error);
    const [first] = issues;
    throw new CutoverError('invalid_policy', `The policy is refused: ${first?.path}: ${first?.message}.`, {
      details: { path: first?.path, issues },
    });
  }
  const { cohort, fallback } = parsed.data;
  indexEntries(cohort.include);
  indexEntries(cohort.exclude);
  if (fallback !== null && fallback.units !== 'all') indexUnits(fallback.units);
  return deepFreeze(parsed.data);
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
