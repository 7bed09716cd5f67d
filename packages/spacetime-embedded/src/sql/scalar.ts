import { AlgebraicType, BinaryWriter } from 'spacetimedb';

type Type = AlgebraicType;

/** What SQL knows how to compare. Products, sums, options and arrays other than bytes are not among them. */
export type ScalarKind =
  | 'bool'
  | 'int'
  | 'float'
  | 'string'
  | 'bytes'
  | 'identity'
  | 'connection-id'
  | 'timestamp'
  | 'duration'
  | 'uuid';

/** A column value in the form in which it is compared. */
export type Comparable = boolean | number | bigint | string | Uint8Array;

/** A comparable in the form in which it is looked up in a Map. */
export type MapKey = boolean | number | bigint | string;

const special: Readonly<Record<string, ScalarKind>> = {
  __identity__: 'identity',
  __connection_id__: 'connection-id',
  __timestamp_micros_since_unix_epoch__: 'timestamp',
  __time_duration_micros__: 'duration',
  __uuid__: 'uuid',
};

/** The kind of a column type; undefined when SQL cannot compare it. */
export function scalarKind(type: Type): ScalarKind | undefined {
  switch (type.tag) {
    case 'Bool':
      return 'bool';
    case 'String':
      return 'string';
    case 'F32':
    case 'F64':
      return 'float';
    case 'Array':
      return type.value.tag === 'U8' ? 'bytes' : undefined;
    case 'Product':
      return type.value.elements.length === 1 ? special[type.value.elements[0]?.name ?? ''] : undefined;
    case 'Ref':
    case 'Sum':
      return undefined;
    default:
      return 'int';
  }
}

/** The comparable form of a decoded column value, by the decoded forms of `spacetimedb`. */
export function comparable(value: unknown): Comparable {
  if (typeof value !== 'object' || value === null) return value as Comparable;
  if (value instanceof Uint8Array) return value;
  // Identity, ConnectionId, Timestamp, TimeDuration and Uuid wrap one bigint under their magic name. By the name, not
  // by class: the value may come out of another realm.
  for (const name in special) if (name in value) return (value as Record<string, bigint>)[name] ?? 0n;
  // Another realm's Uint8Array.
  return Uint8Array.from(value as Iterable<number>);
}

/** The form of a comparable that a Map finds again. Floats keep -0 and 0 apart, as the total order does. */
export function mapKey(value: Comparable): MapKey {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return Object.is(value, -0) ? '-0' : value;
}

/** Less than, equal to or greater than zero. Strings by their UTF-8 bytes, floats by total order. */
export function compare(left: Comparable, right: Comparable): number {
  if (typeof left === 'string' && typeof right === 'string') {
    return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  if (left < right) return -1;
  if (left > right) return 1;
  if (Object.is(left, right) || typeof left !== 'number') return 0;
  if (Number.isNaN(left)) return 1;
  if (Number.isNaN(right)) return -1;
  return Object.is(left, -0) ? -1 : 1;
}

/** The BSATN of a value. */
export function bsatn(type: Type, value: unknown): Uint8Array {
  const writer = new BinaryWriter(32);
  AlgebraicType.makeSerializer(type)(writer, value);
  return writer.getBuffer();
}
