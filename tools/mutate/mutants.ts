import { parseSync } from '@swc/core';
import { textAt } from './source-text.ts';
import { expressionsOf, isNode, type Node, type Text } from './syntax.ts';

/** One small change of a source file. */
export interface Mutant {
  /** Which kind of change: `relational`, `arithmetic`, `literal`, `condition`, `removed`, `cell`, `call`. */
  readonly operator: string;
  /** From 1. */
  readonly line: number;
  /** The line it is on, without the white space around it. */
  readonly code: string;
  /** What stands there, and what is put in its place, each in one line. */
  readonly from: string;
  readonly to: string;
  /** The whole file with the change. */
  readonly source: string;
}

interface Change {
  readonly operator: string;
  readonly start: number;
  readonly end: number;
  readonly to: string;
}

const relational = table<readonly string[]>({
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
});
const arithmetic = table({
  ...{ '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '**': '*', '>>>': '<<', '>>': '<<', '<<': '>>' },
  ...{ '++': '--', '--': '++', '+=': '-=', '-=': '+=' },
});
const calls = table({
  ...{ some: 'every', every: 'some', shift: 'pop', pop: 'shift', push: 'unshift', min: 'max', max: 'min' },
  ...{ floor: 'ceil', ceil: 'floor', trunc: 'ceil', startsWith: 'endsWith', endsWith: 'startsWith' },
});
/** Calls that give their object again, changed: the change is left out. */
const leftOut = new Set(['filter', 'slice', 'toSorted', 'sort', 'reverse', 'toReversed', 'trim']);

/** Looks names up without meeting those that every object has. */
function table<T = string>(entries: Readonly<Record<string, T>>): (name: string) => T | undefined {
  const map = new Map(Object.entries(entries));
  return (name) => map.get(name);
}

/** Every mutant of a TypeScript source, in the order of their places. Types have none. */
export function mutantsOf(source: string): readonly Mutant[] {
  // The parser counts bytes from the first statement: an empty one in front makes that the beginning of the file.
  const { body } = parseSync(`;${source}`, { syntax: 'typescript', target: 'es2024' });
  const text = textAt(source, (body[0]?.span.start ?? 0) + 1);
  const seen = new Set<string>();
  const changes = body
    .slice(1)
    .flatMap((statement) => [...changesIn(statement as unknown as Node, text)])
    .filter(({ start, end, to }) => {
      const name = `${start} ${end} ${to}`;
      const isNew = !seen.has(name) && source.slice(start, end) !== to;
      seen.add(name);
      return isNew;
    });
  return changes
    .toSorted((one, other) => one.start - other.start || one.end - other.end)
    .map((change) => ({
      operator: change.operator,
      line: source.slice(0, change.start).split('\n').length,
      code: lineAt(source, change.start),
      from: inOneLine(source.slice(change.start, change.end)),
      to: inOneLine(change.to),
      source: source.slice(0, change.start) + change.to + source.slice(change.end),
    }));
}

function* changesIn(node: Node, text: Text): Generator<Change> {
  yield* changesOf(node, text);
  for (const inner of expressionsOf(node)) yield* changesIn(inner, text);
}

function* changesOf(node: Node, text: Text): Generator<Change> {
  const whole = (operator: string, to: string): Change => ({ operator, ...text.range(node), to });
  switch (node.type) {
    case 'BinaryExpression':
      return yield* ofBinary(node, text);
    case 'AssignmentExpression':
    case 'UpdateExpression':
      return yield* ofToken(node, text);
    case 'UnaryExpression':
      if (node.operator === '!' || node.operator === '-') yield whole('condition', text.of(node.argument));
      return;
    case 'NumericLiteral':
    case 'BigIntLiteral':
      for (const to of besides(`${node.raw}`)) yield whole('literal', to);
      return;
    case 'BooleanLiteral':
      return yield whole('literal', `${node.value !== true}`);
    case 'StringLiteral':
      return yield whole('literal', node.value === '' ? "'mutant'" : "''");
    case 'IfStatement':
    case 'ConditionalExpression':
      for (const to of ['true', 'false']) yield { operator: 'condition', ...text.range(node.test), to };
      return;
    case 'WhileStatement':
    case 'ForStatement':
      if (isNode(node.test)) yield { operator: 'condition', ...text.range(node.test), to: 'false' };
      return;
    case 'ExpressionStatement':
    case 'ReturnStatement':
    case 'ThrowStatement':
    case 'ContinueStatement':
    case 'BreakStatement':
      return yield whole('removed', ';');
    case 'ObjectExpression':
      return yield* ofCells(node, text);
    case 'ArrayExpression':
      return yield* ofItems(node, text);
    case 'ArrowFunctionExpression':
      if (isNode(node.body) && !/^(Block|Function)/.test(node.body.type)) {
        yield { operator: 'removed', ...text.range(node.body), to: 'undefined' };
      }
      return;
    case 'CallExpression':
      return yield* ofCall(node, text);
  }
}

function* ofBinary(node: Node, text: Text): Generator<Change> {
  const { operator, left, right } = node as Node & { operator: string };
  if (operator === '&&' || operator === '||' || operator === '??') {
    for (const side of [left, right]) yield { operator: 'condition', ...text.range(node), to: text.of(side) };
    return;
  }
  const token = text.between(left, right, operator);
  for (const to of relational(operator) ?? []) yield { operator: 'relational', ...token, to };
  const other = arithmetic(operator);
  if (other !== undefined) yield { operator: 'arithmetic', ...token, to: other };
}

/** `a += b` and `a++`: the token is replaced where it stands. */
function* ofToken(node: Node, text: Text): Generator<Change> {
  const to = arithmetic(`${node.operator}`);
  if (to === undefined) return;
  const { start, end } = text.range(node);
  const at = text.source.slice(start, end).indexOf(`${node.operator}`) + start;
  yield { operator: 'arithmetic', start: at, end: at + `${node.operator}`.length, to };
}

/** A cell of a table takes the value of another cell; what has no other is undefined. A spread is left out. */
function* ofCells(node: Node, text: Text): Generator<Change> {
  const properties = (node.properties as readonly Node[]).map((property) => {
    const value = property.type === 'KeyValueProperty' ? property.value : property;
    return { property, value, shown: property.type === 'SpreadElement' ? '' : text.of(value) };
  });
  for (const [index, { property, value, shown }] of properties.entries()) {
    const others = [...properties.slice(index + 1), ...properties.slice(0, index)].map((one) => one.shown);
    const to = others.find((other) => other !== '' && other !== shown) ?? 'undefined';
    if (property.type === 'KeyValueProperty') yield { operator: 'cell', ...text.range(value), to };
    else if (property.type === 'Identifier') {
      yield { operator: 'cell', ...text.range(property), to: `${property.value}: undefined` };
    } else if (property.type === 'SpreadElement') {
      yield {
        operator: 'removed',
        ...text.range(property.arguments),
        start: text.spreadStart(property.arguments),
        to: '...{}',
      };
    }
  }
}

function* ofItems(node: Node, text: Text): Generator<Change> {
  const items = (node.elements as readonly ({ expression: Node; spread: unknown } | null)[]).filter(
    (one) => one !== null,
  );
  for (const [index, { expression, spread }] of items.entries()) {
    const start = spread === null ? text.range(expression).start : text.spreadStart(expression);
    const next = items[index + 1];
    const end =
      next === undefined
        ? text.range(expression).end
        : next.spread === null
          ? text.range(next.expression).start
          : text.spreadStart(next.expression);
    yield { operator: 'removed', start, end, to: '' };
  }
}

function* ofCall(node: Node, text: Text): Generator<Change> {
  const { callee } = node;
  if (!isNode(callee) || callee.type !== 'MemberExpression' || !isNode(callee.property)) return;
  const name = `${callee.property.value}`;
  const other = calls(name);
  if (other !== undefined) yield { operator: 'call', ...text.range(callee.property), to: other };
  if (leftOut.has(name)) yield { operator: 'call', ...text.range(node), to: text.of(callee.object) };
}

/** The whole numbers before and after one. */
function besides(raw: string): readonly string[] {
  const plain = raw.replaceAll('_', '');
  if (!/^\d+n?$/.test(plain)) return [];
  const suffix = plain.endsWith('n') ? 'n' : '';
  const value = BigInt(plain.replace('n', ''));
  return [`${value + 1n}${suffix}`, value === 0n ? `-1${suffix}` : `${value - 1n}${suffix}`];
}

function lineAt(source: string, index: number): string {
  const start = source.lastIndexOf('\n', index - 1) + 1;
  const end = source.indexOf('\n', index);
  return source.slice(start, end === -1 ? undefined : end).trim();
}

function inOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
