import type { JsonValue } from '@autopilot/sync-contract';

/** Where two JSON values differ first. */
export interface JsonDifference {
  /** A JSON Pointer (RFC 6901). */
  readonly path: string;
  /** What stands there, as JSON cut to 200 characters; `nothing` where there is no such member. */
  readonly first: string;
  readonly second: string;
}

/** The first difference of two JSON values, members in the order of their names; undefined when they are equal. */
export function firstDifference(
  first: JsonValue | undefined,
  second: JsonValue | undefined,
  path = '',
): JsonDifference | undefined {
  if (!isContainer(first) || !isContainer(second) || Array.isArray(first) !== Array.isArray(second)) {
    return Object.is(first, second) ? undefined : { path, first: show(first), second: show(second) };
  }
  for (const key of [...new Set([...Object.keys(first), ...Object.keys(second)])].sort()) {
    const inner = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const found = firstDifference(memberOf(first, key), memberOf(second, key), inner);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Container = { readonly [key: string]: JsonValue } | readonly JsonValue[];

function isContainer(value: JsonValue | undefined): value is Container {
  return typeof value === 'object' && value !== null;
}

function memberOf(container: Container, key: string): JsonValue | undefined {
  return Object.hasOwn(container, key) ? (container as Record<string, JsonValue>)[key] : undefined;
}

function show(value: JsonValue | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200);
}
