import type { EngineDatabase } from '../engine/database.ts';
import { HostError } from '../errors.ts';
import type { BoundQuery, Viewer } from './bound-query.ts';
import { type CountSource, estimatedRows } from './row-estimate.ts';

/** The name of the one system variable that there is. */
export const rowLimitName = 'row_limit';

/** What the limit of rows is checked against. */
export type LimitSource = CountSource & Pick<EngineDatabase, 'rows' | 'variables'>;

/**
 * Refuses queries that together would scan more rows than the owner has set. The owner's own are not limited.
 *
 * @throws {HostError} `sql_row_limit`.
 */
export function requireRowLimit(source: LimitSource, { isOwner }: Viewer, queries: readonly BoundQuery[]): void {
  const limit = isOwner ? undefined : rowLimit(source);
  if (limit === undefined) return;
  let estimate = 0n;
  for (const query of queries) estimate += estimatedRows(source, query);
  if (estimate <= limit) return;
  const text = `Estimated cardinality (${estimate} rows) exceeds limit (${limit} rows)`;
  throw new HostError('sql_row_limit', text, { details: { estimate: String(estimate), limit: String(limit) } });
}

function rowLimit(source: LimitSource): bigint | undefined {
  for (const { values } of source.rows(source.variables)) {
    const [name, value] = values as readonly [string, { readonly tag: string; readonly value: unknown }];
    if (name === rowLimitName && typeof value.value === 'bigint') return value.value;
  }
  return undefined;
}
