import { HostError } from '../errors.ts';
import type {
  Change,
  ColumnName,
  Condition,
  Operand,
  Operator,
  Projection,
  Select,
  SelectEverything,
  SetVariable,
  Statement,
  TableName,
} from './ast.ts';
import { type Token, tokenize } from './tokenizer.ts';

/** Longer texts are refused, in UTF-8 bytes. */
export const longestQuery = 50_000;

/** Deeper parentheses are refused: the parser is recursive. */
const deepestNesting = 100;

const reserved = new Set([
  'SELECT',
  'FROM',
  'JOIN',
  'INNER',
  'CROSS',
  'ON',
  'WHERE',
  'AND',
  'OR',
  'LIMIT',
  'AS',
  'TRUE',
  'FALSE',
]);
const changes = new Set(['INSERT', 'UPDATE', 'DELETE']);
const refused = new Set(['CREATE', 'DROP', 'ALTER', 'BEGIN', 'WITH']);
const refusedInSelect = new Set(['ORDER', 'GROUP', 'HAVING', 'OFFSET', 'UNION', 'LEFT', 'RIGHT', 'FULL']);
const refusedInCondition = new Set(['NOT', 'IN', 'LIKE', 'BETWEEN', 'IS']);
const operators = new Map<string, Operator>(
  Object.entries({ '=': '=', '<>': '<>', '!=': '<>', '<': '<', '>': '>', '<=': '<=', '>=': '>=' }),
);

/**
 * Parses one SELECT.
 *
 * @throws {HostError} `sql_syntax`, and `sql_unsupported` for what is SQL but not served here.
 */
export function parseSelect(text: string): Select | SelectEverything {
  const statement = parseStatement(text);
  if (statement.kind === 'select' || statement.kind === 'everything') return statement;
  const word = statement.kind.toUpperCase();
  throw new HostError('sql_unsupported', `${word} is not supported here: only SELECT is.`);
}

/**
 * Parses one statement of the HTTP grammar.
 *
 * @throws as {@link parseSelect}
 */
export function parseStatement(text: string): Statement {
  if (Buffer.byteLength(text) > longestQuery) {
    throw new HostError('sql_syntax', `The query has more than ${longestQuery} bytes.`);
  }
  return new Parser(tokenize(text)).statement();
}

class Parser {
  private position = 0;
  private readonly tokens: readonly Token[];

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  statement(): Statement {
    const first = this.peek();
    if (first.kind === 'word' && refused.has(first.upper)) {
      const text = `${first.upper} is not supported here: this host runs SELECT, INSERT, UPDATE, DELETE, SET and SHOW.`;
      throw new HostError('sql_unsupported', text);
    }
    if (first.kind === 'word' && changes.has(first.upper)) return this.change();
    if (this.takeKeyword('SET')) return this.set();
    if (this.takeKeyword('SHOW')) {
      const name = this.name('a variable');
      this.end();
      return { kind: 'show', name };
    }
    this.keyword('SELECT');
    const projection = this.projection();
    this.keyword('FROM');
    if (projection.kind === 'rows' && projection.of === undefined && this.takeSymbol('*')) {
      this.end();
      return { kind: 'everything' };
    }
    const from = this.table();
    const joins: Select['joins'][number][] = [];
    while (['JOIN', 'INNER', 'CROSS'].some((word) => this.isKeyword(word))) joins.push(this.join());
    if (this.takeSymbol(',')) throw new HostError('sql_unsupported', 'Tables are joined by JOIN, not by a comma.');
    const where = this.takeKeyword('WHERE') ? this.condition(0) : undefined;
    const limit = this.takeKeyword('LIMIT') ? this.limit() : undefined;
    this.end();
    return { kind: 'select', projection, from, joins, where, limit };
  }

  private change(): Change {
    if (this.takeKeyword('INSERT')) return this.insert();
    if (this.takeKeyword('UPDATE')) return this.update();
    this.keyword('DELETE');
    this.keyword('FROM');
    return { kind: 'delete', table: this.name('a table'), where: this.lastCondition() };
  }

  private insert(): Change {
    this.keyword('INTO');
    const table = this.name('a table');
    const columns = this.list(() => this.name('a column'));
    this.keyword('VALUES');
    const rows = [this.list(() => this.operand())];
    while (this.takeSymbol(',')) rows.push(this.list(() => this.operand()));
    this.end();
    return { kind: 'insert', table, columns, rows };
  }

  private update(): Change {
    const table = this.name('a table');
    this.keyword('SET');
    const assignment = () => {
      const column = this.name('a column');
      this.symbol('=');
      return { column, value: this.operand() };
    };
    const set = [assignment()];
    while (this.takeSymbol(',')) set.push(assignment());
    return { kind: 'update', table, set, where: this.lastCondition() };
  }

  private set(): SetVariable {
    const name = this.name('a variable');
    if (!this.takeKeyword('TO')) this.symbol('=');
    const value = this.operand();
    this.end();
    return { kind: 'set', name, value };
  }

  private lastCondition(): Condition | undefined {
    const where = this.takeKeyword('WHERE') ? this.condition(0) : undefined;
    this.end();
    return where;
  }

  private list<Item>(item: () => Item): Item[] {
    this.symbol('(');
    const items = [item()];
    while (this.takeSymbol(',')) items.push(item());
    this.symbol(')');
    return items;
  }

  private projection(): Projection {
    if (this.takeSymbol('*')) return { kind: 'rows', of: undefined };
    if (this.isKeyword('COUNT') && this.peek(1).text === '(') return this.count();
    const first = this.name('a column');
    if (this.takeSymbol('.')) {
      if (this.takeSymbol('*')) return { kind: 'rows', of: first };
      return this.columns({ table: first, column: this.name('a column') });
    }
    return this.columns({ table: undefined, column: first });
  }

  private count(): Projection {
    this.position += 2;
    this.symbol('*');
    this.symbol(')');
    this.keyword('AS');
    return { kind: 'count', as: this.name('a name for the count') };
  }

  private columns(first: ColumnName): Projection {
    const columns = [{ ...first, as: this.alias() }];
    while (this.takeSymbol(',')) columns.push({ ...this.column(), as: this.alias() });
    return { kind: 'columns', columns };
  }

  /** `AS name`, or the name alone. */
  private alias(): string | undefined {
    if (this.takeKeyword('AS')) return this.name('a name after AS');
    const next = this.peek();
    if (next.kind === 'word' && refusedInSelect.has(next.upper)) throw unsupported(next);
    const isNamed = next.kind === 'quoted' || (next.kind === 'word' && !reserved.has(next.upper));
    return isNamed ? this.name('an alias') : undefined;
  }

  private table(): TableName {
    const name = this.name('a table');
    return { name, alias: this.alias() ?? name };
  }

  private join(): Select['joins'][number] {
    const isCross = this.takeKeyword('CROSS');
    if (!isCross) this.takeKeyword('INNER');
    this.keyword('JOIN');
    const table = this.table();
    if (isCross || !this.takeKeyword('ON')) return { table, on: undefined };
    const left = this.column();
    this.symbol('=');
    return { table, on: { left, right: this.column() } };
  }

  private condition(depth: number): Condition {
    return this.chain('OR', 'or', () => this.chain('AND', 'and', () => this.comparison(depth)));
  }

  /** Chains are flat, however long: neither parsing nor evaluating them recurses. */
  private chain(word: string, kind: 'and' | 'or', part: () => Condition): Condition {
    const first = part();
    if (!this.isKeyword(word)) return first;
    const parts = [first];
    while (this.takeKeyword(word)) parts.push(part());
    return { kind, parts };
  }

  private comparison(depth: number): Condition {
    const opening = this.peek();
    if (this.takeSymbol('(')) {
      if (depth >= deepestNesting) throw syntax(opening, `fewer than ${deepestNesting} nested parentheses`);
      const inner = this.condition(depth + 1);
      this.symbol(')');
      return inner;
    }
    const left = this.operand();
    const token = this.peek();
    const operator = token.kind === 'symbol' ? operators.get(token.text) : undefined;
    if (token.kind === 'word' && refusedInCondition.has(token.upper)) throw unsupported(token);
    if (operator === undefined) throw syntax(token, 'a comparison');
    this.position += 1;
    return { kind: 'compare', operator, left, right: this.operand() };
  }

  private operand(): Operand {
    const token = this.peek();
    if (token.kind === 'word' && refusedInCondition.has(token.upper)) throw unsupported(token);
    if (token.kind === 'word' && (token.upper === 'TRUE' || token.upper === 'FALSE')) {
      this.position += 1;
      return { kind: 'bool', value: token.upper === 'TRUE' };
    }
    if (token.kind === 'string' || token.kind === 'hex') {
      this.position += 1;
      return { kind: token.kind, text: token.text };
    }
    if (this.takeSymbol(':sender')) return { kind: 'sender' };
    const sign = this.takeSymbol('-') ? '-' : '';
    if (sign === '') this.takeSymbol('+');
    const number = this.peek();
    if (number.kind === 'number') {
      this.position += 1;
      return { kind: 'number', text: sign + number.text };
    }
    if (sign !== '') throw syntax(number, 'a number');
    return { kind: 'column', ...this.column() };
  }

  private limit(): number {
    const token = this.peek();
    if (token.kind !== 'number' || !/^\d{1,15}$/.test(token.text)) throw syntax(token, 'a number of rows');
    this.position += 1;
    return Number(token.text);
  }

  private column(): ColumnName {
    const first = this.name('a column');
    if (!this.takeSymbol('.')) return { table: undefined, column: first };
    return { table: first, column: this.name('a column') };
  }

  private name(what: string): string {
    const token = this.peek();
    if (token.kind !== 'quoted' && (token.kind !== 'word' || reserved.has(token.upper))) throw syntax(token, what);
    this.position += 1;
    return token.text;
  }

  private end(): void {
    this.takeSymbol(';');
    const token = this.peek();
    if (token.kind === 'word' && refusedInSelect.has(token.upper)) throw unsupported(token);
    if (token.kind !== 'end') throw syntax(token, 'the end of the statement');
  }

  private keyword(word: string): void {
    if (!this.takeKeyword(word)) throw syntax(this.peek(), word);
  }

  private symbol(text: string): void {
    if (!this.takeSymbol(text)) throw syntax(this.peek(), `"${text}"`);
  }

  private isKeyword(word: string): boolean {
    const token = this.peek();
    return token.kind === 'word' && token.upper === word;
  }

  private takeKeyword(word: string): boolean {
    const is = this.isKeyword(word);
    if (is) this.position += 1;
    return is;
  }

  private takeSymbol(text: string): boolean {
    const token = this.peek();
    const is = token.kind === 'symbol' && token.text === text;
    if (is) this.position += 1;
    return is;
  }

  private peek(ahead = 0): Token {
    const last = this.tokens.length - 1;
    return this.tokens[Math.min(this.position + ahead, last)] ?? { kind: 'end', text: '', at: 0 };
  }
}

function syntax(token: Token, expected: string): HostError {
  const found = token.kind === 'end' ? 'the statement ends' : `there is "${token.text}"`;
  return new HostError('sql_syntax', `Expected ${expected} at ${token.at}, but ${found}.`, {
    details: { at: token.at },
  });
}

function unsupported(token: Token & { readonly kind: 'word' }): HostError {
  return new HostError('sql_unsupported', `${token.upper} is not part of this SQL.`, { details: { at: token.at } });
}
