import { HostError } from '../errors.ts';

/** One token of a statement. `at` is the offset of its first character. */
export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly upper: string; readonly at: number }
  | { readonly kind: 'quoted' | 'number' | 'string' | 'hex'; readonly text: string; readonly at: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly at: number }
  | { readonly kind: 'end'; readonly text: ''; readonly at: number };

const patterns: readonly (readonly [kind: Exclude<Token['kind'], 'end'>, pattern: RegExp])[] = [
  ['hex', /0[xX][0-9a-fA-F]*(?![0-9A-Za-z_])|[xX]'[0-9a-fA-F]*'/y],
  ['number', /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![0-9A-Za-z_])/y],
  ['word', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['quoted', /"(?:[^"]|"")*"/y],
  ['string', /'(?:[^']|'')*'/y],
  ['symbol', /:sender\b|<=|>=|<>|!=|[*.,()=<>+;-]/y],
];
const blank = /\s+/y;

/**
 * The tokens of a statement, with an end token last.
 *
 * @throws {HostError} `sql_syntax` with `details.at`.
 */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    blank.lastIndex = at;
    if (blank.test(text)) {
      at = blank.lastIndex;
      continue;
    }
    const token = tokenAt(text, at);
    if (token === undefined) {
      throw new HostError('sql_syntax', `Unexpected character ${JSON.stringify(text[at])} at ${at}.`, {
        details: { at },
      });
    }
    tokens.push(token.token);
    at = token.next;
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

function tokenAt(text: string, at: number): { readonly token: Token; readonly next: number } | undefined {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) continue;
    const next = at + found.length;
    if (kind === 'word') return { token: { kind, text: found, upper: found.toUpperCase(), at }, next };
    return { token: { kind, text: content(kind, found), at }, next };
  }
  return undefined;
}

function content(kind: 'hex' | 'number' | 'quoted' | 'string' | 'symbol', found: string): string {
  if (kind === 'quoted') return found.slice(1, -1).replaceAll('""', '"');
  if (kind === 'string') return found.slice(1, -1).replaceAll("''", "'");
  if (kind === 'hex') return found[1] === "'" ? found.slice(2, -1) : found.slice(2);
  return found;
}
