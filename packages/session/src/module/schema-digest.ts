import { canonicalJson, type PayloadHash, payloadHash } from '@autopilot/sync-contract';
import { SessionError } from '../errors.ts';

type Tree = string | boolean | null | Tree[] | { [member: string]: Tree };

/**
 * A digest of what a module is to its clients and its data: tables with columns, types, keys, indexes and visibility,
 * reducers, procedures and views with their signatures, schedules, lifecycle and row rules. It does not depend on the
 * order in which the module declares them, nor on how it numbers its types; column order counts, because rows are laid
 * out by it. The same definition gives the same digest on every host.
 *
 * @param definition The parsed answer of `GET /v1/database/NAME/schema?version=10`.
 * @throws {SessionError} `schema_unreadable` when it is not a definition of version 10.
 */
export function moduleSchemaDigest(definition: unknown): PayloadHash {
  const sections = new Map<string, Tree>();
  for (const section of listOf(memberOf(definition, 'sections'), 'sections')) {
    const [entry, ...others] = Object.entries(section as object);
    if (entry === undefined || others.length > 0) throw unreadable('a section does not have one name');
    if (sections.has(entry[0])) throw unreadable(`the section ${entry[0]} stands twice`);
    sections.set(entry[0], treeOf(entry[1]));
  }
  const typespace = sections.get('Typespace');
  const types = listOf(memberOf(typespace, 'types'), 'types') as Tree[];
  if (listOf(sections.get('Tables'), 'Tables').length === 0) throw unreadable('it has no table');
  sections.delete('Typespace');
  const resolved = [...sections].map(([name, content]) => [name, sorted(resolve(content, types, []))] as const);
  return payloadHash(Object.fromEntries(resolved));
}

/** Numbers become text, so that those beyond 2^53, such as bounds of sequences, have a canonical form as well. */
function treeOf(value: unknown): Tree {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return value.map(treeOf);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([member, inner]) => [member, treeOf(inner)]));
  }
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  throw unreadable(`it holds a value of type ${typeof value}`);
}

/** Puts types in the place of references to them. A type inside itself is named by how far out it began. */
function resolve(tree: Tree, types: readonly Tree[], open: readonly string[]): Tree {
  if (Array.isArray(tree)) return tree.map((item) => resolve(item, types, open));
  if (typeof tree !== 'object' || tree === null) return tree;
  const members = Object.entries(tree).flatMap(([member, value]): [string, Tree][] => {
    // A view's number is only its place in the list.
    if (member === 'index' && 'is_anonymous' in tree) return [];
    if (member === 'Ref' || member === 'product_type_ref' || member === 'ty') {
      return [[member, referred(value, types, open)]];
    }
    return [[member, resolve(value, types, open)]];
  });
  return Object.fromEntries(members);
}

function referred(place: Tree, types: readonly Tree[], open: readonly string[]): Tree {
  if (typeof place !== 'string') throw unreadable('a reference to a type is not a number');
  const began = open.lastIndexOf(place);
  if (began >= 0) return `${open.length - began} out`;
  const type = types[Number(place)];
  if (type === undefined) throw unreadable(`there is no type ${place}`);
  return resolve(type, types, [...open, place]);
}

/** Lists of a section, and of the indexes and constraints of a table, are sets. */
function sorted(tree: Tree): Tree {
  if (!Array.isArray(tree)) return tree;
  const items = tree.map((item) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    const inner = Object.entries(item).map(([member, value]): [string, Tree] =>
      ['indexes', 'constraints', 'sequences'].includes(member) ? [member, sorted(value)] : [member, value],
    );
    return Object.fromEntries(inner);
  });
  return items
    .map((item) => [canonicalJson(item), item] as const)
    .sort(([one], [other]) => (one < other ? -1 : Number(one > other)))
    .map(([, item]) => item);
}

function memberOf(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[member] : undefined;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw unreadable(`${what} is not a list`);
  return value;
}

function unreadable(why: string): SessionError {
  return new SessionError('schema_unreadable', `This is not a module definition of version 10: ${why}.`);
}
