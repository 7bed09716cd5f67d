import { type AlgebraicType, BinaryReader } from 'spacetimedb';

/** How products and sums are written. */
export interface JsonStyle {
  /** Products as objects and sums by variant name; otherwise both as arrays, as the values of rows are. */
  readonly named: boolean;
  /** What `Ref` types refer to. */
  readonly types?: readonly AlgebraicType[];
}

const positional: JsonStyle = { named: false };

/** The SATS-JSON text of a BSATN value. Integers of every width are bare numbers, up to 128 bits. */
export function satsJson(type: AlgebraicType, bytes: Uint8Array, style: JsonStyle = positional): string {
  return write(type, new BinaryReader(bytes), style);
}

function write(type: AlgebraicType, reader: BinaryReader, style: JsonStyle): string {
  switch (type.tag) {
    case 'Ref': {
      const target = style.types?.[type.value];
      if (target === undefined) throw new RangeError(`There is no type ${type.value}.`);
      return write(target, reader, style);
    }
    case 'Product': {
      const parts = type.value.elements.map(({ name, algebraicType }) => {
        const value = write(algebraicType, reader, style);
        return style.named ? `${JSON.stringify(name ?? '')}:${value}` : value;
      });
      return style.named ? `{${parts.join(',')}}` : `[${parts.join(',')}]`;
    }
    case 'Sum': {
      const tag = reader.readU8();
      const variant = type.value.variants[tag];
      if (variant === undefined) throw new RangeError(`There is no variant ${tag}.`);
      const value = write(variant.algebraicType, reader, style);
      return style.named ? `{${JSON.stringify(variant.name ?? String(tag))}:${unit(value)}}` : `[${tag},${value}]`;
    }
    case 'Array': {
      if (type.value.tag === 'U8') return JSON.stringify(Buffer.from(reader.readUInt8Array()).toString('hex'));
      const items: string[] = [];
      for (let left = reader.readU32(); left > 0; left -= 1) items.push(write(type.value, reader, style));
      return `[${items.join(',')}]`;
    }
    case 'String':
      return JSON.stringify(reader.readString());
    case 'Bool':
      return reader.readBool() ? 'true' : 'false';
    case 'F32':
      return float(reader.readF32());
    case 'F64':
      return float(reader.readF64());
    case 'U256':
      return `"0x${reader.readU256().toString(16).padStart(64, '0')}"`;
    case 'I256':
      return `"0x${BigInt.asUintN(256, reader.readI256()).toString(16).padStart(64, '0')}"`;
    default:
      return String(reader[`read${type.tag}`]());
  }
}

/** A unit payload is an empty array in either style. */
function unit(value: string): string {
  return value === '{}' ? '[]' : value;
}

function float(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  return Number.isFinite(value) ? String(value) : 'null';
}
