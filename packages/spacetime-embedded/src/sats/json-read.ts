import type { AlgebraicType, ProductType } from 'spacetimedb';
import { HostError } from '../errors.ts';

/** What JSON holds, with integers beyond 2^53 as bigint. */
export type ExactJson =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly ExactJson[]
  | { readonly [name: string]: ExactJson };

/** Parses JSON without rounding integers. Undefined when the text is not JSON. */
export function parseExactJson(text: string): ExactJson | undefined {
  try {
    return JSON.parse(text, (_name, value: unknown, context?: { readonly source?: string }) => {
      const source = context?.source;
      const rounded = typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined;
      return rounded && /^-?\d+$/.test(source) ? BigInt(source) : value;
    }) as ExactJson;
  } catch {
    return undefined;
  }
}

/**
 * Reads the arguments of a call: an array by position or an object by name.
 *
 * @returns the value in the decoded form of `spacetimedb`, fit for its serializer.
 * @throws {HostError} `invalid_arguments` with `details.path`.
 */
export function readArguments(params: ProductType, json: ExactJson): unknown {
  return product(params, json, '$');
}

function read(type: AlgebraicType, json: ExactJson, path: string): unknown {
  switch (type.tag) {
    case 'Product':
      return product(type.value, json, path);
    case 'Sum':
      return sum(type.value.variants, json, path);
    case 'Array':
      return type.value.tag === 'U8' ? bytes(json, path) : items(type.value, json, path);
    case 'String':
      if (typeof json !== 'string' || !json.isWellFormed()) throw wrong(path, 'a string');
      return json;
    case 'Bool':
      if (typeof json !== 'boolean') throw wrong(path, 'true or false');
      return json;
    case 'F32':
    case 'F64':
      if (typeof json !== 'number' && typeof json !== 'bigint') throw wrong(path, 'a number');
      return Number(json);
    case 'Ref':
      throw wrong(path, 'a value of a recursive type, which this host does not read from JSON');
    default:
      return integer(type.tag, json, path);
  }
}

function product(type: ProductType, json: ExactJson, path: string): unknown {
  const { elements } = type;
  const values: Record<string, unknown> = {};
  if (isList(json)) {
    if (json.length !== elements.length) throw wrong(path, `${elements.length} values, not ${json.length}`);
    elements.forEach(({ name, algebraicType }, index) => {
      values[name ?? ''] = read(algebraicType, json[index] ?? null, `${path}[${index}]`);
    });
    return values;
  }
  if (!isObject(json)) throw wrong(path, 'an array or an object');
  const unknown = Object.keys(json).find((key) => !elements.some(({ name }) => name === key));
  if (unknown !== undefined) throw wrong(path, `no member ${JSON.stringify(unknown)}`);
  for (const { name = '', algebraicType } of elements) {
    const value = json[name];
    if (value === undefined) throw wrong(path, `a member ${JSON.stringify(name)}`);
    values[name] = read(algebraicType, value, `${path}.${name}`);
  }
  return values;
}

type Variants = readonly { readonly name: string | undefined; readonly algebraicType: AlgebraicType }[];

function sum(variants: Variants, json: ExactJson, path: string): unknown {
  const [key, value] = isList(json) && json.length === 2 ? json : single(json, path);
  const index = variants.findIndex(({ name }, tag) => (typeof key === 'number' ? tag === key : name === key));
  // `{"1": x}` names a variant by its tag, unless a variant has that very name.
  const tag = index === -1 && typeof key === 'string' && /^\d{1,3}$/.test(key) ? Number(key) : index;
  const variant = variants[tag];
  if (variant === undefined) throw wrong(path, `one of ${variants.map(({ name }) => name).join(', ')}`);
  const payload = read(variant.algebraicType, value ?? null, `${path}.${variant.name}`);
  const [first, second] = variants;
  if (variants.length === 2 && first?.name === 'some' && second?.name === 'none')
    return tag === 0 ? payload : undefined;
  if (variants.length === 2 && first?.name === 'ok' && second?.name === 'err') {
    return tag === 0 ? { ok: payload } : { err: payload };
  }
  return { tag: variant.name, value: payload };
}

function single(json: ExactJson, path: string): readonly [ExactJson, ExactJson] {
  const [entry, more] = isObject(json) ? Object.entries(json) : [];
  if (entry === undefined || more !== undefined) throw wrong(path, 'an object with one member or [tag, value]');
  return entry;
}

function items(type: AlgebraicType, json: ExactJson, path: string): unknown {
  if (!isList(json)) throw wrong(path, 'an array');
  return json.map((item, index) => read(type, item, `${path}[${index}]`));
}

function bytes(json: ExactJson, path: string): Uint8Array {
  if (typeof json === 'string' && /^(?:[0-9a-fA-F]{2})*$/.test(json)) return Uint8Array.from(Buffer.from(json, 'hex'));
  if (!isList(json)) throw wrong(path, 'hex digits');
  return Uint8Array.from(json.map((byte, index) => Number(integer('U8', byte, `${path}[${index}]`))));
}

function integer(tag: string, json: ExactJson, path: string): number | bigint {
  const bits = Number(tag.slice(1));
  const value = exact(json, tag, path);
  const fits = tag.startsWith('U') ? BigInt.asUintN(bits, value) === value : BigInt.asIntN(bits, value) === value;
  if (!fits) throw wrong(path, `an integer that fits ${tag}`);
  return bits <= 32 ? Number(value) : value;
}

function exact(json: ExactJson, tag: string, path: string): bigint {
  if (typeof json === 'bigint') return json;
  if (typeof json === 'number' && Number.isSafeInteger(json)) return BigInt(json);
  if (tag.endsWith('256') && typeof json === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(json)) {
    // Hex is the two's complement, in either direction.
    return tag === 'I256' ? BigInt.asIntN(256, BigInt(json)) : BigInt(json);
  }
  throw wrong(path, 'an integer');
}

function isList(json: ExactJson): json is readonly ExactJson[] {
  return Array.isArray(json);
}

function isObject(json: ExactJson): json is { readonly [name: string]: ExactJson } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function wrong(path: string, expected: string): HostError {
  return new HostError('invalid_arguments', `Expected ${expected} at ${path}.`, { details: { path } });
}
