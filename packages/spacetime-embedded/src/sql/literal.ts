import { type AlgebraicType, ConnectionId, Identity, Timestamp, Uuid } from 'spacetimedb';
import { HostError } from '../errors.ts';
import type { Operand } from './ast.ts';
import { scalarKind } from './scalar.ts';

/** A constant of a statement. */
export type Literal = Exclude<Operand, { readonly kind: 'column' | 'sender' }>;

/**
 * A literal as a value of a column's type, in the decoded form of `spacetimedb`.
 *
 * @throws {HostError} `sql_type` when the literal is not one of that type, or out of its range.
 */
export function literalValue(type: AlgebraicType, literal: Literal): unknown {
  const value = read(type, literal);
  if (value !== undefined) return value;
  const text = literal.kind === 'bool' ? String(literal.value) : literal.text;
  throw new HostError('sql_type', `The literal ${JSON.stringify(text)} is not a value of type ${typeName(type)}.`);
}

function read(type: AlgebraicType, literal: Literal): unknown {
  const kind = scalarKind(type);
  if (literal.kind === 'bool') return kind === 'bool' ? literal.value : undefined;
  const { text } = literal;
  switch (kind) {
    case 'int':
      // Digits in quotes are a number too, and a number is a text. Of hex upstream reads the digits as decimal ones.
      return literal.kind === 'hex' || !isNumber(text) ? undefined : integer(type.tag, text);
    case 'float':
      return literal.kind === 'hex' || !isNumber(text) ? undefined : float(type.tag, text);
    case 'string':
      return text;
    case 'bytes':
      return isHex(text) && text.length % 2 === 0 && literal.kind !== 'number' ? bytes(text) : undefined;
    case 'identity':
      return literal.kind !== 'number' && isHex(text, 64) ? new Identity(BigInt(`0x${text}`)) : undefined;
    case 'connection-id':
      return literal.kind !== 'number' && isHex(text, 32) ? new ConnectionId(BigInt(`0x${text}`)) : undefined;
    case 'timestamp':
      return literal.kind === 'string' ? timestamp(text) : undefined;
    case 'uuid':
      return uuid(text);
    default:
      return undefined;
  }
}

function integer(tag: string, text: string): number | bigint | undefined {
  const value = exactInteger(text);
  const [, sign, width] = /^([IU])(\d+)$/.exec(tag) ?? [];
  if (value === undefined || width === undefined) return undefined;
  const bits = Number(width);
  const fits = sign === 'U' ? BigInt.asUintN(bits, value) === value : BigInt.asIntN(bits, value) === value;
  if (!fits) return undefined;
  return bits <= 32 ? Number(value) : value;
}

/** `12`, `1.2e1` and `12.0` are the same integer; `1.5` is none. */
function exactInteger(text: string): bigint | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const shift = Number(exponent) - fraction.length;
  // No integer type has more than 78 digits.
  if (Math.abs(shift) > 100) return undefined;
  const digits = whole + fraction;
  const dropped = shift < 0 ? digits.slice(shift) : '';
  if (/[1-9]/.test(dropped)) return undefined;
  const kept = shift < 0 ? digits.slice(0, shift) : digits + '0'.repeat(shift);
  return BigInt(`${kept === '' ? '0' : kept}`) * (sign === '-' ? -1n : 1n);
}

/** What is too large is infinite. */
function float(tag: string, text: string): number {
  return tag === 'F32' ? Math.fround(Number(text)) : Number(text);
}

function isNumber(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);
}

const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/;

function timestamp(text: string): Timestamp | undefined {
  const [, day, time, fraction = '', zone = ''] = rfc3339.exec(text) ?? [];
  const milliseconds = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(milliseconds)) return undefined;
  // Date knows milliseconds only: the fraction is added by itself.
  return new Timestamp(BigInt(milliseconds) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6)));
}

function uuid(text: string): Uuid | undefined {
  const digits = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(text) ? text.replaceAll('-', '') : text;
  return isHex(digits, 32) ? new Uuid(BigInt(`0x${digits}`)) : undefined;
}

function isHex(text: string, length?: number): boolean {
  return /^[0-9a-fA-F]*$/.test(text) && (length === undefined || text.length === length);
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function typeName(type: AlgebraicType): string {
  return scalarKind(type) === 'int' || type.tag === 'F32' || type.tag === 'F64'
    ? type.tag
    : (scalarKind(type) ?? type.tag);
}
