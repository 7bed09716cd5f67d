import type { JsonValue } from '@autopilot/sync-contract';

/** One path at which two payloads differ. `undefined` (absent) means that the side has nothing there. */
export interface DiffLine {
  /** JSON Pointer; empty for the whole payload. */
  readonly path: string;
  readonly left?: string;
  readonly right?: string;
}

/** Takes secrets out of a value before it is kept: called with the path of each leaf that is shown. */
export type Redact = (path: string, value: JsonValue) => JsonValue;

/** How much of a difference is kept. */
export interface DiffLimits {
  readonly lines: number;
  readonly characters: number;
}

const asItIs: Redact = (_, value) => value;

/** The paths at which two canonical payloads differ, in the order of the left one. A payload that is no JSON is one text. */
export function diffPayloads(
  left: string,
  right: string,
  { lines, characters }: DiffLimits,
  redact: Redact = asItIs,
): readonly DiffLine[] {
  const found: DiffLine[] = [];
  const show = (path: string, value: JsonValue | undefined): string | undefined =>
    value === undefined ? undefined : cut(JSON.stringify(redactDeep(path, value, redact)), characters);
  const add = (path: string, a: JsonValue | undefined, b: JsonValue | undefined): void => {
    const [shownLeft, shownRight] = [show(path, a), show(path, b)];
    found.push({
      path: cut(path, characters),
      ...(shownLeft === undefined ? {} : { left: shownLeft }),
      ...(shownRight === undefined ? {} : { right: shownRight }),
    });
  };
  const walk = (path: string, a: JsonValue | undefined, b: JsonValue | undefined): void => {
    if (found.length >= lines) return;
    const [inA, inB] = [members(a), members(b)];
    if (inA !== null && inB !== null && Array.isArray(a) === Array.isArray(b)) {
      for (const key of new Set([...inA.keys(), ...inB.keys()])) {
        walk(`${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, inA.get(key), inB.get(key));
      }
    } else if (a === undefined || b === undefined || JSON.stringify(a) !== JSON.stringify(b)) {
      add(path, a, b);
    }
  };
  try {
    walk('', parse(left), parse(right));
  } catch {
    // Nesting deeper than the stack: the hashes tell that they differ, nothing tells where.
    return [{ path: '', left: '[nested too deep to show]', right: '[nested too deep to show]' }];
  }
  return found;
}

/** The secrets of everything inside a value, leaf by leaf; a hook that throws hides the leaf. */
function redactDeep(path: string, value: JsonValue, redact: Redact): JsonValue {
  const inside = members(value);
  if (inside !== null) {
    const entries = [...inside].map(([key, item]) => [key, redactDeep(`${path}/${key}`, item, redact)] as const);
    return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
  }
  try {
    return redact(path, value);
  } catch {
    return '[redacted]';
  }
}

function members(value: JsonValue | undefined): ReadonlyMap<string, JsonValue> | null {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : null;
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

/** The text, or its beginning with the number of characters left out. */
function cut(text: string, characters: number): string {
  if (text.length <= characters) return text;
  // A surrogate pair is not cut in two.
  const kept = text.slice(0, characters).replace(/[\uD800-\uDBFF]$/, '');
  return `${kept}… (${text.length - kept.length} more)`;
}
