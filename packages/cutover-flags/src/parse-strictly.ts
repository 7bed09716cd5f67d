import type { z } from 'zod';
import { CutoverError, type CutoverErrorCode } from './errors.ts';
import { issuesOf } from './policy/schema-issues.ts';

/** What a schema reads from a value; what is wrong becomes an error with the first `path` and all issues in details. */
export function parseStrictly<T>(schema: z.ZodType<T>, value: unknown, code: CutoverErrorCode, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = issuesOf(result.error);
  const [first] = issues;
  throw new CutoverError(code, `The ${what} is refused: ${first?.path}: ${first?.message}.`, {
    details: { path: first?.path, issues },
  });
}
