import { z } from 'zod';
import { parseStrictly } from '../parse-strictly.ts';
import { type GateObservation, gateIds } from './gate.ts';

const text = z.string().min(1).max(2_000);
const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const observationSchema = z.strictObject({
  gate: z.enum(gateIds),
  verdict: z.enum(['pass', 'fail', 'inconclusive']),
  reason: text,
  observed_from: count,
  observed_to: count,
  counts: z.strictObject({ cases: count, failed: count, skipped: count, events: count }),
  case_names: z.array(text).exactOptional(),
  // z.number() is finite: NaN and infinities are refused here, so that no receipt can carry them.
  measures: z.record(text, z.number()),
  environment: z.strictObject({
    packages: z.record(text, text).refine((packages) => Object.keys(packages).length > 0, 'names no package'),
    commit: text.nullable(),
    module_schema: text.nullable(),
    protocols: z.array(text),
  }),
});

/**
 * The observation that a JSON value holds. Strict: an unknown member is refused, and so is a number that is not finite.
 *
 * @throws {CutoverError} `invalid_observation` with `details.path`.
 */
export function parseObservation(value: unknown): GateObservation {
  return parseStrictly(observationSchema, value, 'invalid_observation', 'observation');
}
