import type { TableDefinition } from './database.ts';
import { EngineError } from './errors.ts';
import { isIdentity } from './resolve-type.ts';

const name = '(?:"([^"]+)"|([A-Za-z_][A-Za-z0-9_]*))';
const rule = new RegExp(
  String.raw`^\s*SELECT\s+(?:${name}\s*\.\s*)?\*\s+FROM\s+${name}\s+WHERE\s+(?:${name}\s*\.\s*)?${name}\s*=\s*:sender\s*;?\s*$`,
  'i',
);

/**
 * Reads row-level rules. Only `SELECT * FROM t WHERE col = :sender` on a public table is understood, and one rule per
 * table; everything else is refused, because a rule that is ignored shows rows to people who must not see them.
 *
 * @throws {EngineError} `module_unsupported`.
 */
export function readSenderRules(
  rules: readonly string[],
  tables: ReadonlyMap<string, TableDefinition>,
): ReadonlyMap<string, number> {
  const out = new Map<string, number>();
  for (const sql of rules) {
    const [table, column] = readRule(sql, tables);
    if (out.has(table.name)) throw refuse(sql, `"${table.name}" has more than one rule`);
    out.set(table.name, column);
  }
  return out;
}

function readRule(sql: string, tables: ReadonlyMap<string, TableDefinition>): [TableDefinition, number] {
  const match = rule.exec(sql);
  if (match === null) throw refuse(sql, 'it is not of the form SELECT * FROM t WHERE col = :sender');
  const [, starQuoted, starPlain, quoted, plain, ownerQuoted, ownerPlain, columnQuoted, columnPlain] = match;
  const tableName = quoted ?? plain ?? '';
  const table = [...tables.values()].find(
    (candidate) => candidate.kind === 'table' && (candidate.name === tableName || candidate.accessor === tableName),
  );
  if (table === undefined) throw refuse(sql, `there is no table "${tableName}"`);
  for (const owner of [starQuoted ?? starPlain, ownerQuoted ?? ownerPlain]) {
    if (owner !== undefined && owner !== tableName) throw refuse(sql, `"${owner}" is not the table it reads`);
  }
  if (!table.isPublic) throw refuse(sql, `"${tableName}" is private`);
  const columnName = columnQuoted ?? columnPlain;
  const column = table.columns.findIndex((entry) => entry.name === columnName || entry.accessor === columnName);
  const type = table.columns[column]?.type;
  if (type === undefined || !isIdentity(type)) throw refuse(sql, `"${columnName}" is not a column of identities`);
  return [table, column];
}

function refuse(sql: string, why: string): EngineError {
  return new EngineError('module_unsupported', `The row-level rule "${sql}" is not supported: ${why}.`);
}
