import { isCodedError } from '@autopilot/sync-contract';
import type { Select } from '../sql/ast.ts';
import { Binder } from '../sql/binder.ts';
import { parseSelect } from '../sql/parser.ts';
import type { TableDefinition } from './database.ts';
import { EngineError } from './errors.ts';

/**
 * Reads row-level rules. A rule is a SELECT of whole rows of one public table, with any condition; several rules of a
 * table add up. Everything else, a join above all, is refused, because a rule that is ignored shows rows to people who
 * must not see them.
 *
 * @throws {EngineError} `module_unsupported`.
 */
export function readRowRules(
  rules: readonly string[],
  tables: ReadonlyMap<string, TableDefinition>,
): ReadonlyMap<string, readonly Select[]> {
  const out = new Map<string, readonly Select[]>();
  for (const sql of rules) {
    const [table, rule] = readRule(sql, tables);
    out.set(table.name, [...(out.get(table.name) ?? []), rule]);
  }
  return out;
}

function readRule(sql: string, tables: ReadonlyMap<string, TableDefinition>): [TableDefinition, Select] {
  try {
    const rule = parseSelect(sql);
    if (rule.kind === 'everything') throw refuse(sql, 'it does not name its table');
    if (rule.joins.length > 0) throw refuse(sql, 'it joins tables');
    const { projection, limit, from } = rule;
    const isWhole = projection.kind === 'rows' && [undefined, from.alias].includes(projection.of);
    if (!isWhole || limit !== undefined) throw refuse(sql, 'it does not give whole rows');
    // No name and no literal is left to find out about when somebody reads: the owner sees every table.
    const owner = { identity: '0'.repeat(64), isOwner: true };
    const table = new Binder({ tables, rowRules: new Map() }, owner).bind(rule)[0]?.tables[0]?.table;
    if (table?.kind !== 'table') throw refuse(sql, `"${from.name}" is a view`);
    if (!table.isPublic) throw refuse(sql, `"${from.name}" is private`);
    return [table, rule];
  } catch (cause) {
    if (cause instanceof EngineError || !isCodedError(cause)) throw cause;
    throw refuse(sql, cause.message, cause);
  }
}

function refuse(sql: string, why: string, cause?: unknown): EngineError {
  const text = `The row-level rule "${sql}" is not supported: ${why}${why.endsWith('.') ? '' : '.'}`;
  return new EngineError('module_unsupported', text, { cause });
}
