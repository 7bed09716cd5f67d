/** A node of the syntax tree, as the parser gives it. */
export interface Node {
  readonly type: string;
  readonly span: { readonly start: number; readonly end: number };
  readonly [member: string]: unknown;
}

/** What of a source file is at a node. Places are indexes into its text. */
export interface Text {
  readonly source: string;
  range(node: unknown): { readonly start: number; readonly end: number };
  of(node: unknown): string;
  /** Where an operator stands between its two sides. */
  between(left: unknown, right: unknown, operator: string): { readonly start: number; readonly end: number };
  /** Where the three dots before a node begin. */
  spreadStart(node: unknown): number;
}

/** What may be wrapped around an expression for the compiler alone. */
const wrappers = new Set(['TsAsExpression', 'TsSatisfiesExpression', 'TsConstAssertion', 'TsNonNullExpression']);
/** Names of modules and of what they give: without them nothing loads. */
const unread = new Set(['ImportDeclaration', 'ExportAllDeclaration', 'ExportNamedDeclaration', 'ImportExpression']);

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** The nodes right below a node that are run: no types, no names of members. */
export function expressionsOf(node: Node): readonly Node[] {
  if (unread.has(node.type)) return [];
  if (wrappers.has(node.type)) return isNode(node.expression) ? [node.expression] : [];
  if (node.type.startsWith('Ts')) return [];
  if (node.type === 'KeyValueProperty') return cellOf(node.value);
  return Object.entries(node).flatMap(([member, value]) => {
    // A computed member is wrapped; a plain one is a name.
    if (member === 'property' || member === 'key' || member === 'label') return isComputed(value) ? nodesIn(value) : [];
    return nodesIn(value);
  });
}

/** A cell that is one literal is exchanged as a cell already. */
function cellOf(value: unknown): readonly Node[] {
  return isNode(value) && !/^(String|Boolean)Literal$/.test(value.type) ? [value] : [];
}

function isComputed(value: unknown): boolean {
  return isNode(value) && value.type === 'Computed';
}

function nodesIn(value: unknown): readonly Node[] {
  if (isNode(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  // Arguments, elements and declarators come in objects that have no type of their own.
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(nodesIn);
  return [];
}
