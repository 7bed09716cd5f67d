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

/** A further table; without columns to compare it is joined with every row. */
export interface Join {
  readonly table: TableName;
  readonly on: { readonly left: ColumnName; readonly right: ColumnName } | undefined;
}

/** `SELECT ... FROM t [JOIN u ON ...] [WHERE ...] [LIMIT n]`. */
export interface Select {
  readonly kind: 'select';
  readonly projection: Projection;
  readonly from: TableName;
  readonly joins: readonly Join[];
  readonly where: Condition | undefined;
  readonly limit: number | undefined;
}

/** `INSERT INTO t (columns) VALUES (...), ...`. */
export interface Insert {
  readonly kind: 'insert';
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Operand[])[];
}

/** `UPDATE t SET column = literal, ... [WHERE condition]`. */
export interface Update {
  readonly kind: 'update';
  readonly table: string;
  readonly set: readonly { readonly column: string; readonly value: Operand }[];
  readonly where: Condition | undefined;
}

/** `DELETE FROM t [WHERE condition]`. */
export interface Delete {
  readonly kind: 'delete';
  readonly table: string;
  readonly where: Condition | undefined;
}

/** `SET name = literal`, or with TO. */
export interface SetVariable {
  readonly kind: 'set';
  readonly name: string;
  readonly value: Operand;
}

/** `SHOW name`. */
export interface ShowVariable {
  readonly kind: 'show';
  readonly name: string;
}

/** A statement that changes rows. */
export type Change = Insert | Update | Delete;

/** `SELECT * FROM *`. */
export interface SelectEverything {
  readonly kind: 'everything';
}

/** A statement of the HTTP grammar. */
export type Statement = Select | SelectEverything | Change | SetVariable | ShowVariable;
