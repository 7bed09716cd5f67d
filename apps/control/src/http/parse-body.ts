import type { z } from 'zod';
import { describeIssues } from '../config/describe-issues.ts';
import { ControlError } from '../errors.ts';

/** The body of a request, as a schema has it. @throws {ControlError} `invalid_request` naming what is wrong. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ControlError('invalid_request', `The body is wrong: ${describeIssues(parsed.error)}.`);
}
