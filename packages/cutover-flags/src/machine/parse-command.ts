import { z } from 'zod';
import { gateIds } from '../gates/gate.ts';
import { parseStrictly } from '../parse-strictly.ts';
import { longestList } from '../policy/parse-policy.ts';
import type { CutoverCommand } from './command.ts';

const time = z.int().nonnegative();
const count = z.int().nonnegative();
const text = (longest: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(longest)
    .refine((value) => value.isWellFormed(), 'is not well-formed Unicode');
const id = text(200);
const stage = z.literal([0, 1, 2, 3]);
// Two decimals, as the buckets of the cohorts have them.
const percent = z
  .number()
  .min(0)
  .max(100)
  .refine((value) => Math.round(value * 100) / 100 === value, 'has more than two decimals');
const units = z
  .array(id)
  .min(1)
  .max(longestList)
  .refine((list) => new Set(list).size === list.length, 'names a unit twice');
const entries = z
  .array(z.strictObject({ unit: id, until: time, reason: text(500) }))
  .max(longestList)
  .refine((list) => new Set(list.map((entry) => entry.unit)).size === list.length, 'names a unit twice');

const header = { revision: count, idempotency_key: id.nullable(), reason: text(500) };

const target = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('stage'), stage, percent: percent.nullable() }),
  z.strictObject({ kind: z.literal('cohort'), percent }),
  z.strictObject({ kind: z.literal('units'), units, until: time }),
]);

const change = z.strictObject({
  percent: percent.nullable(),
  cap: z.union([count, z.literal('none')]).nullable(),
  include: entries.nullable(),
  exclude: entries.nullable(),
});

const emergency = { incident: id, operator: id, expires_at: time };

const command: z.ZodType<CutoverCommand> = z.discriminatedUnion('type', [
  z.strictObject({ ...header, type: z.literal('propose'), id, to: z.union([stage, z.literal('sealed')]) }),
  z.strictObject({ ...header, type: z.literal('approve'), id, plan_digest: id }),
  z.strictObject({ ...header, type: z.literal('withdraw'), id }),
  z.strictObject({ ...header, type: z.literal('advance'), id, drain: z.boolean() }),
  z.strictObject({ ...header, type: z.literal('acknowledge'), expected: count, acknowledged: count }),
  z.strictObject({ ...header, type: z.literal('timeout') }),
  z.strictObject({ ...header, type: z.literal('rollback'), target, drain: z.boolean() }),
  z.strictObject({ ...header, type: z.literal('set_cohort'), change, drain: z.boolean() }),
  z.strictObject({
    ...header,
    type: z.literal('fallback_start'),
    ...emergency,
    units: z.union([z.literal('all'), units]),
  }),
  z.strictObject({ ...header, type: z.literal('fallback_end') }),
  z.strictObject({ ...header, type: z.literal('waive'), id, gate: z.enum(gateIds), owner: id, expires_at: time }),
  z.strictObject({ ...header, type: z.literal('waive_end'), id }),
  z.strictObject({
    ...header,
    type: z.literal('emergency_force'),
    id,
    to: stage,
    ...emergency,
    drain: z.boolean(),
  }),
  z.strictObject({ ...header, type: z.literal('emergency_clear'), id }),
  z.strictObject({
    ...header,
    type: z.literal('observe'),
    // Not finite is not known: it becomes null rather than a refusal, so that the other signals still act.
    signals: z.record(
      z.string(),
      z.preprocess(
        (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null),
        z.number().nullable(),
      ),
    ),
  }),
  z.strictObject({ ...header, type: z.literal('release_hold'), trigger: id }),
  z.strictObject({ ...header, type: z.literal('release_cycle'), release: id }),
  z.strictObject({ ...header, type: z.literal('seal'), id }),
]);

/**
 * A command as it comes over a wire. Strict: an unknown member is refused.
 *
 * @throws {CutoverError} `invalid_command` with `details.path`.
 */
export function parseCommand(value: unknown): CutoverCommand {
  return parseStrictly(command, value, 'invalid_command', 'command');
}
