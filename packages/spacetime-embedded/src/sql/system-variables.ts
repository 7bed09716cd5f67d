import { HostError } from '../errors.ts';
import type { Select, SetVariable, ShowVariable } from './ast.ts';
import type { Viewer } from './bound-query.ts';
import { literalValue } from './literal.ts';
import { rowLimitName } from './row-limit.ts';
import { bsatn } from './scalar.ts';
import type { StatementSource } from './statement-source.ts';

/**
 * Sets a system variable that is not set. As upstream, it is an insertion into `st_var`, whose name is unique: another
 * value is refused until the row is deleted, and the same one changes nothing. Gives how many rows were inserted.
 *
 * @throws {HostError} `sql_unsupported`, `sql_type`, `sql_conflict`.
 */
export function setVariable(source: StatementSource, { isOwner }: Viewer, { name, value }: SetVariable): number {
  requireKnown(name);
  const { variables } = source;
  const [nameColumn, valueColumn] = variables.columns;
  const type = valueColumn?.type;
  const variant = type?.tag === 'Sum' ? type.value.variants.find((one) => one.name === 'U64') : undefined;
  if (nameColumn === undefined || type === undefined || variant === undefined) throw new TypeError('st_var is damaged');
  if (value.kind === 'column' || value.kind === 'sender') {
    throw new HostError('sql_unsupported', 'A variable is set to a literal.');
  }
  if (value.kind !== 'number') throw new HostError('sql_type', `The variable ${name} is a number.`);
  const number = literalValue(variant.algebraicType, value);
  if (!isOwner) throw new HostError('sql_unsupported', 'Only the owner of a database sets its variables.');
  const row = Buffer.concat([bsatn(nameColumn.type, name).slice(), bsatn(type, { tag: 'U64', value: number }).slice()]);
  for (const { bytes } of source.rows(variables)) if (row.equals(bytes)) return 0;
  if (source.write(variables, [row], []) === undefined) return 1;
  const text = `The variable ${name} is set: DELETE FROM st_var WHERE name = '${name}' comes before another value.`;
  throw new HostError('sql_conflict', text);
}

/** The query that a SHOW is. @throws {HostError} `sql_unsupported`. */
export function showVariable({ name }: ShowVariable): Select {
  requireKnown(name);
  return {
    kind: 'select',
    projection: { kind: 'columns', columns: [{ table: undefined, column: 'value', as: undefined }] },
    from: { name: 'st_var', alias: 'st_var' },
    joins: [],
    where: {
      kind: 'compare',
      operator: '=',
      left: { kind: 'column', table: undefined, column: 'name' },
      right: { kind: 'string', text: name },
    },
    limit: undefined,
  };
}

function requireKnown(name: string): void {
  if (name !== rowLimitName) throw new HostError('sql_unsupported', `${name} is not a valid system variable`);
}
