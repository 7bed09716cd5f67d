import { SyncError } from './errors.ts';
import type { JsonValue } from './json.ts';

/** How deep arrays and objects may nest: a fixed limit, so that every host refuses the same texts. */
export const deepestNesting = 256;

/** JSON text in the form of RFC 8785 (JSON Canonicalization Scheme). */
export type CanonicalJson = string;

/**
 * The RFC 8785 text of a value: members sorted by UTF-16 code units, numbers and strings as ECMAScript writes them, no
 * white space. What JSON cannot carry exactly is refused, never approximated.
 *
 * @throws {SyncError} `unrepresentable` with `details.path` (a JSON Pointer) for undefined, functions, symbols, bigint,
 * non-finite numbers, integers from 2^53 on given as numbers, lone surrogates, cycles, objects other than plain ones,
 * arrays with more than their items, and nesting deeper than {@link deepestNesting}.
 */
export function canonicalJson(value: unknown): CanonicalJson {
  return write(value, '', new Set());
}

/**
 * Parses text and requires that it is in canonical form.
 *
 * @throws {SyncError} `not_canonical` when it is not JSON or not its own canonical form.
 */
export function parseCanonicalJson(text: CanonicalJson): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new SyncError('not_canonical', 'The payload is not JSON.', { cause });
  }
  let canonical: string;
  try {
    canonical = canonicalJson(value);
  } catch (cause) {
    throw new SyncError('not_canonical', 'The payload holds a value that canonical JSON cannot carry.', { cause });
  }
  if (canonical !== text) throw new SyncError('not_canonical', 'The payload is JSON, but not in canonical form.');
  return value;
}

function write(value: unknown, path: string, open: Set<object>): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, path);
    case 'number':
      return writeNumber(value, path);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : writeObject(value, path, open);
    default:
      throw refuse(path, `a value of type ${typeof value}`);
  }
}

function writeNumber(value: number, path: string): string {
  if (!Number.isFinite(value)) throw refuse(path, 'a number that is not finite');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw refuse(path, 'an integer from 2^53 on, which a number does not hold exactly (send it as a string)');
  }
  // JSON.stringify writes numbers by the ECMAScript rule that RFC 8785 prescribes, and -0 as 0.
  return JSON.stringify(value);
}

function writeString(value: string, path: string): string {
  if (!value.isWellFormed()) throw refuse(path, 'a string with a lone surrogate');
  return JSON.stringify(value);
}

function writeObject(value: object, path: string, open: Set<object>): string {
  if (open.has(value)) throw refuse(path, 'a cycle');
  if (open.size === deepestNesting) throw refuse(path, `a nesting deeper than ${deepestNesting} levels`);
  open.add(value);
  const text = Array.isArray(value) ? writeArray(value, path, open) : writeRecord(value, path, open);
  open.delete(value);
  return text;
}

function writeArray(value: readonly unknown[], path: string, open: Set<object>): string {
  const items: string[] = [];
  // By index: a hole of a sparse array must be refused like any other undefined.
  for (let index = 0; index < value.length; index += 1) items.push(write(value[index], `${path}/${index}`, open));
  if (Reflect.ownKeys(value).length !== value.length + 1) throw refuse(path, 'an array with more than its items');
  return `[${items.join(',')}]`;
}

function writeRecord(value: object, path: string, open: Set<object>): string {
  if (!isPlain(value)) throw refuse(path, 'an object that is not plain data');
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') throw refuse(path, 'an object with its own toJSON');
  if (Object.getOwnPropertySymbols(value).length > 0) throw refuse(path, 'an object with symbol keys');
  const members: string[] = [];
  // The default sort of strings is by UTF-16 code units, which is the order of RFC 8785.
  for (const key of Object.keys(value).sort()) {
    const inner = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    members.push(`${writeString(key, inner)}:${write((value as Record<string, unknown>)[key], inner, open)}`);
  }
  return `{${members.join(',')}}`;
}

/** Whether an object is a plain one, of this realm or another: made by `{}`, or without a prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === '[object Object]';
}

function refuse(path: string, what: string): SyncError {
  return new SyncError('unrepresentable', `Canonical JSON cannot carry ${what} (at "${path}").`, { details: { path } });
}
