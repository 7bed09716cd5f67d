/** A name as it was written, with the table or alias before the dot. */
export interface ColumnName {
  readonly table: string | undefined;
  readonly column: string;
}

/** One side of a comparison. */
export type Operand =
  | ({ readonly kind: 'column' } & ColumnName)
  /** With its sign. */
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'string' | 'hex'; readonly text: string }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'sender' };

/** How two values are compared. */
export type Operator = '=' | '<>' | '<' | '>' | '<=' | '>=';

/** A condition. */
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }
  | { readonly kind: 'compare'; readonly operator: Operator; readonly left: Operand; readonly right: Operand };

/** A table with the name by which the statement speaks of it. */
export interface TableName {
  readonly name: string;
  readonly alias: string;
}

/** What a SELECT gives. */
export type Projection =
  | { readonly kind: 'rows'; readonly of: string | undefined }
  | { readonly kind: 'columns'; readonly columns: readonly (ColumnName & { readonly as: string | undefined })[] }
  | { readonly kind: 'count'; readonly as: string };

/** `SELECT ... FROM t [JOIN u ON ...] [WHERE ...] [LIMIT n]`. */
export interface Select {
  readonly kind: 'select';
  readonly projection: Projection;
  readonly from: TableName;
  readonly joins: readonly { readonly table: TableName; readonly left: ColumnName; readonly right: ColumnName }[];
  readonly where: Condition | undefined;
  readonly limit: number | undefined;
}

/** `SELECT * FROM *`. */
export interface SelectEverything {
  readonly kind: 'everything';
}
