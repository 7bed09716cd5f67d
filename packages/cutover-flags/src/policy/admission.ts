import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';
import { CutoverError } from '../errors.ts';
import { issuesOf } from './schema-issues.ts';
import { type PolicySigningKey, signDocument, verifyDocument } from './signed-document.ts';

/** The `typ` of a signed admission. */
export const admissionType = 'cutover-admission+jws';

/** Whether one unit is admitted to a rollout under its cap. */
export interface Admission {
  readonly deployment: string;
  readonly unit: string;
  /** The salt of the rollout it is for. */
  readonly salt: string;
  readonly admitted: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly issued_at: number;
}

const schema: z.ZodType<Admission> = z.strictObject({
  deployment: z.string().min(1).max(200),
  unit: z.string().min(1).max(200),
  salt: z.string().min(1).max(200),
  admitted: z.boolean(),
  issued_at: z.int().nonnegative(),
});

/** An admission as compact JWS. @throws {CutoverError} `invalid_policy` when a field is wrong or not known. */
export async function signAdmission(admission: Admission, key: PolicySigningKey): Promise<string> {
  return await signDocument(admissionType, parse(admission), key);
}

/**
 * The admission of a compact JWS, for this unit and rollout.
 *
 * @throws {CutoverError} `unknown_key`, `bad_signature`, `invalid_policy`, `wrong_deployment`, `wrong_unit`,
 *   `wrong_rollout`.
 */
export async function verifyAdmission(
  jws: string,
  keys: JSONWebKeySet,
  expected: Pick<Admission, 'deployment' | 'unit' | 'salt'>,
): Promise<Admission> {
  const admission = parse(await verifyDocument(jws, admissionType, keys));
  const codes = { deployment: 'wrong_deployment', unit: 'wrong_unit', salt: 'wrong_rollout' } as const;
  for (const field of ['deployment', 'unit', 'salt'] as const) {
    if (admission[field] === expected[field]) continue;
    throw new CutoverError(codes[field], `The admission has another ${field} than is asked for.`, {
      details: { field, value: admission[field] },
    });
  }
  return admission;
}

function parse(value: unknown): Admission {
  const parsed = schema.safeParse(value);
  if (parsed.success) return Object.freeze(parsed.data);
  const issues = issuesOf(parsed.error);
  const [first] = issues;
  throw new CutoverError('invalid_policy', `The admission is refused: ${first?.path}: ${first?.message}.`, {
    details: { path: first?.path, issues },
  });
}
