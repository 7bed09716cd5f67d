import type { z } from 'zod';

/** The issues of a refused value in one line: `clients.0.role: Invalid option; ...`. */
export function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || '(all)'}: ${issue.message}`).join('; ');
}
