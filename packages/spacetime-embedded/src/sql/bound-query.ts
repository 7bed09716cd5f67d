import type { TableDefinition, ViewArgument } from '../engine/database.ts';
import type { Operator } from './ast.ts';
import type { Comparable } from './scalar.ts';

/** Who asks. */
export interface Viewer {
  /** Hex. */
  readonly identity: string;
  /** Sees private tables and all rows. */
  readonly isOwner: boolean;
}

/** A table of a query with names resolved. */
export interface BoundTable {
  readonly table: TableDefinition;
  readonly alias: string;
  /** Set for views: whose materialisation is read. */
  readonly arg: ViewArgument | undefined;
  /** Whether rules keep rows of it from this viewer. */
  readonly hasRules: boolean;
}

/** A column of one of a query's tables, by position. */
export interface BoundColumn {
  readonly table: number;
  readonly column: number;
}

/** A comparison of a column with a constant or with another column. */
export interface BoundComparison {
  readonly kind: 'compare';
  readonly operator: Operator;
  readonly left: BoundColumn;
  readonly right: BoundColumn | BoundConstant;
}

/** A constant, compared and as the BSATN by which an index finds it. */
export interface BoundConstant {
  readonly value: Comparable;
  readonly bytes: Uint8Array;
}

/** A condition with names resolved and literals typed. */
export type BoundCondition =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly BoundCondition[] }
  | BoundComparison;

/** Columns of two tables that must be equal. */
export interface BoundJoin {
  readonly left: BoundColumn;
  readonly right: BoundColumn;
}

/** Where the conditions of a query come from. */
export interface QueryParts {
  /** By table, the conditions of the one rule of it that this query is about. */
  readonly rules: readonly (readonly BoundCondition[])[];
  /** By table, from the second on; undefined joins with every row. */
  readonly joins: readonly (BoundJoin | undefined)[];
  readonly where: readonly BoundCondition[];
}

/** A query over one or two tables, the row rules of its tables included. */
export interface BoundQuery {
  readonly tables: readonly BoundTable[];
  readonly join: BoundJoin | undefined;
  /** Top-level conjuncts: all must hold. */
  readonly conditions: readonly BoundCondition[];
  readonly parts: QueryParts;
  /** Whether another viewer would get another query from the same text. */
  readonly isPersonal: boolean;
}
