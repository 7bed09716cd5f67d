import { Identity } from 'spacetimedb';
import type { ColumnDefinition, DatabaseDefinition, TableDefinition } from '../engine/database.ts';
import { HostError } from '../errors.ts';
import type { ColumnName, Condition, Operand, Operator, Select, TableName } from './ast.ts';
import type {
  BoundColumn,
  BoundComparison,
  BoundCondition,
  BoundConstant,
  BoundQuery,
  BoundTable,
  QueryParts,
  Viewer,
} from './bound-query.ts';
import { literalValue } from './literal.ts';
import { bsatn, comparable, scalarKind } from './scalar.ts';

type Schema = Pick<DatabaseDefinition, 'tables' | 'rowRules'>;

/** Resolves the names of a statement against a schema, as one viewer may see it. */
export class Binder {
  private readonly definition: Schema;
  private readonly viewer: Viewer;
  private isPersonal = false;
  private tables: BoundTable[] = [];

  constructor(definition: Schema, viewer: Viewer) {
    this.definition = definition;
    this.viewer = viewer;
  }

  /**
   * Binds a query of one or two tables. Where tables have several row rules there are several queries, one for each
   * choice among them, and the result is all they give: a row that two rules let through comes twice.
   *
   * @throws {HostError} `no_such_table`, also for private tables and a viewer who is not the owner; `no_such_column`,
   * `sql_type`, `sql_syntax`, and `sql_unsupported` for more than two tables.
   */
  bind(select: Select): readonly BoundQuery[] {
    if (select.joins.length > 1) throw new HostError('sql_unsupported', 'Invalid number of tables: at most two.');
    this.bindTables(select);
    const [join] = select.joins;
    if (join !== undefined && join.on === undefined) {
      throw new HostError('sql_unsupported', 'A join without ON is not supported here.');
    }
    const on = join?.on && this.join(join.on.left, join.on.right);
    return this.queries(on, [], { joins: [on], where: this.where(select) });
  }

  /**
   * As {@link bind}, for any number of tables, with or without columns to compare: unless there are two, with columns to
   * compare, what joins them is among the conditions.
   */
  bindAll(select: Select): readonly BoundQuery[] {
    if (select.joins.length <= 1 && select.joins.every(({ on }) => on !== undefined)) return this.bind(select);
    this.bindTables(select);
    const joins = select.joins.map(({ on }) => on && this.join(on.left, on.right));
    const equalities = joins.flatMap((join): BoundComparison[] =>
      join === undefined ? [] : [{ kind: 'compare', operator: '=', ...join }],
    );
    return this.queries(undefined, equalities, { joins, where: this.where(select) });
  }

  /** A literal as a value that is stored in a column, decoded. As upstream, a text is stored in columns of text alone. */
  value(column: ColumnDefinition, operand: Operand): unknown {
    if (operand.kind === 'column' || operand.kind === 'sender') {
      throw new HostError('sql_unsupported', 'A value that is stored is a literal.');
    }
    if (operand.kind === 'string' && scalarKind(column.type) !== 'string') {
      throw new HostError('sql_type', `The column ${column.name} is not of text.`);
    }
    return literalValue(column.type, operand);
  }

  /** A column of the tables that were bound last. */
  column(name: ColumnName): BoundColumn & { readonly definition: ColumnDefinition } {
    if (name.table === undefined && this.tables.length > 1) {
      throw new HostError('sql_syntax', `Columns of joins are written with their table: \`${name.column}\` is not.`);
    }
    const found = this.tables.flatMap(({ table, alias }, index) => {
      if (name.table !== undefined && name.table !== alias) return [];
      const column = columnIndex(table, name.column);
      const definition = table.columns[column];
      return definition === undefined ? [] : [{ table: index, column, definition }];
    });
    const [only] = found;
    const shown = name.table === undefined ? name.column : `${name.table}.${name.column}`;
    if (only === undefined) throw new HostError('no_such_column', `\`${shown}\` is not in scope`);
    if (found.length > 1) throw new HostError('sql_syntax', `\`${shown}\` is ambiguous; write the table before it.`);
    return only;
  }

  private bindTables(select: Select): void {
    this.isPersonal = this.viewer.isOwner;
    this.tables = [this.table(select.from), ...select.joins.map(({ table }) => this.table(table))];
    if (new Set(this.tables.map((table) => table.alias)).size < this.tables.length) {
      throw new HostError('sql_syntax', `Two tables are called ${select.from.alias}; give one an alias.`);
    }
  }

  private table({ name, alias }: TableName): BoundTable {
    const table = tableNamed(this.definition, name);
    if (table === undefined || !(table.isPublic || this.viewer.isOwner)) {
      throw new HostError(
        'no_such_table',
        `no such table: \`${name}\`. If the table exists, it may be marked private.`,
      );
    }
    const hasRules = !this.viewer.isOwner && this.definition.rowRules.has(table.name);
    if (table.kind === 'table') return { table, alias, arg: undefined, hasRules };
    if (!table.isAnonymous) this.isPersonal = true;
    return { table, alias, arg: table.isAnonymous ? 'anonymous' : this.viewer.identity, hasRules };
  }

  private queries(
    join: BoundQuery['join'],
    equalities: readonly BoundCondition[],
    parts: Pick<QueryParts, 'joins' | 'where'>,
  ): readonly BoundQuery[] {
    let choices: readonly QueryParts['rules'][] = [[]];
    for (const [index, { table, hasRules }] of this.tables.entries()) {
      const known = hasRules ? (this.definition.rowRules.get(table.name) ?? []) : undefined;
      const rules = known?.map((rule) => this.rule(rule, index)) ?? [[]];
      choices = choices.flatMap((before) => rules.map((rule) => [...before, rule]));
    }
    const { tables, isPersonal } = this;
    return choices.map((rules) => ({
      join,
      conditions: [...rules.flat(), ...equalities, ...parts.where],
      tables,
      isPersonal,
      parts: { ...parts, rules },
    }));
  }

  /** The conditions of a rule of one of the tables. A rule speaks of its own table alone, by its own alias. */
  private rule(rule: Select, index: number): readonly BoundCondition[] {
    const { viewer, definition } = this;
    // Rules hold for whoever reads, and do not apply to each other.
    const binder = new Binder({ tables: definition.tables, rowRules: new Map() }, viewer);
    const [bound] = binder.bind(rule);
    // To show all rows where a rule was meant to hide most is the one thing that must not happen.
    if (bound === undefined) throw new HostError('sql_unsupported', `The rule of ${rule.from.name} cannot be read.`);
    if (bound.isPersonal) this.isPersonal = true;
    return bound.conditions.map((condition) => moved(condition, index));
  }

  private where({ where }: Select): readonly BoundCondition[] {
    return where === undefined ? [] : conjuncts(this.condition(where));
  }

  private join(first: ColumnName, second: ColumnName): NonNullable<BoundQuery['join']> {
    const one = this.column(first);
    const other = this.column(second);
    if (one.table === other.table) throw new HostError('sql_syntax', 'A join compares columns of two tables.');
    requireSameType(one.definition, other.definition);
    return one.table < other.table ? { left: one, right: other } : { left: other, right: one };
  }

  private condition(condition: Condition): BoundCondition {
    if (condition.kind !== 'compare') {
      return { kind: condition.kind, parts: condition.parts.map((part) => this.condition(part)) };
    }
    const { left, right, operator } = condition;
    if (left.kind === 'column') return this.comparison(left, operator, right);
    if (right.kind === 'column') return this.comparison(right, mirrored[operator], left);
    throw new HostError('sql_unsupported', 'A comparison needs a column on one side at least.');
  }

  private comparison(name: ColumnName, operator: Operator, right: Operand): BoundComparison {
    const left = this.column(name);
    if (right.kind === 'column') {
      const other = this.column(right);
      requireSameType(left.definition, other.definition);
      return { kind: 'compare', operator, left, right: other };
    }
    if (right.kind === 'sender') return { kind: 'compare', operator, left, right: this.sender(left.definition) };
    return {
      kind: 'compare',
      operator,
      left,
      right: constant(left.definition, literalValue(left.definition.type, right)),
    };
  }

  private sender(column: ColumnDefinition): BoundConstant {
    if (scalarKind(column.type) !== 'identity') {
      throw new HostError('sql_type', `:sender is an identity, the column ${column.name} is not.`);
    }
    this.isPersonal = true;
    return constant(column, new Identity(BigInt(`0x${this.viewer.identity}`)));
  }
}

/** A table by canonical or accessor name. */
export function tableNamed(definition: Schema, name: string): TableDefinition | undefined {
  const { tables } = definition;
  return tables.get(name) ?? [...tables.values()].find((table) => table.accessor === name);
}

/** The position of a column by canonical or accessor name; -1 when there is none. */
function columnIndex(table: TableDefinition, name: string): number {
  const canonical = table.columns.findIndex((column) => column.name === name);
  return canonical === -1 ? table.columns.findIndex((column) => column.accessor === name) : canonical;
}

const mirrored: Readonly<Record<Operator, Operator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '>': '<',
  '<=': '>=',
  '>=': '<=',
};

function constant(column: ColumnDefinition, value: unknown): BoundConstant {
  return { value: comparable(value), bytes: bsatn(column.type, value) };
}

/** A condition on the first table as one on another table. */
function moved(condition: BoundCondition, table: number): BoundCondition {
  if (condition.kind !== 'compare') {
    return { kind: condition.kind, parts: condition.parts.map((part) => moved(part, table)) };
  }
  const { left, right } = condition;
  const other = 'value' in right ? right : { ...right, table };
  return { ...condition, left: { ...left, table }, right: other };
}

/** The conjuncts of a condition, nested ANDs flattened. */
function conjuncts(condition: BoundCondition): BoundCondition[] {
  return condition.kind === 'and' ? condition.parts.flatMap(conjuncts) : [condition];
}

function requireSameType(one: ColumnDefinition, other: ColumnDefinition): void {
  const kind = scalarKind(one.type);
  if (kind === undefined || kind === 'duration' || kind !== scalarKind(other.type) || one.type.tag !== other.type.tag) {
    throw new HostError('sql_type', `The columns ${one.name} and ${other.name} cannot be compared.`);
  }
}
