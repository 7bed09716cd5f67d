import type { z } from 'zod';

/** One thing that is wrong with a document. `path` is dotted, e.g. `cohort.include.0.until`. */
export interface SchemaIssue {
  readonly path: string;
  readonly message: string;
}

/** The issues of a refused value. A field that is not known is named by its own path. */
export function issuesOf(error: z.ZodError): readonly SchemaIssue[] {
  return error.issues.flatMap((issue): SchemaIssue[] => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [...path, key].join('.'), message: 'is not a known field' }));
    }
    // A union says only that no alternative fits; what is wrong stands in the alternative that came furthest.
    if (issue.code === 'invalid_union') {
      const furthest = issue.errors.toSorted((a, b) => depth(b) - depth(a))[0] ?? [];
      const inner = furthest.map((each) => ({
        path: [...path, ...each.path.map(String)].join('.'),
        message: each.message,
      }));
      if (inner.length > 0) return inner;
    }
    return [{ path: path.join('.') || '(all)', message: issue.message }];
  });
}

function depth(issues: readonly { readonly path: readonly PropertyKey[] }[]): number {
  return Math.max(0, ...issues.map(({ path }) => path.length));
}
