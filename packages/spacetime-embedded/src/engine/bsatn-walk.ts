import { isUtf8 } from 'node:buffer';
import type { AlgebraicType } from 'spacetimedb';

/** The bytes are not a value of the type. */
export class BsatnFault extends Error {
  override readonly name = 'BsatnFault';
}

/** Checks that a value of a type stands at `at` and returns where it ends. @throws {BsatnFault} */
export type Walk = (bytes: Uint8Array, at: number) => number;

/** Bytes of each integer type. */
export const integerSizes: Readonly<Record<string, number>> = {
  I8: 1,
  U8: 1,
  I16: 2,
  U16: 2,
  I32: 4,
  U32: 4,
  I64: 8,
  U64: 8,
  I128: 16,
  U128: 16,
  I256: 32,
  U256: 32,
};

const fixedSizes: Readonly<Record<string, number>> = { ...integerSizes, F32: 4, F64: 8 };

/** Builds the check for a type without references. */
export function walkOf(type: AlgebraicType): Walk {
  switch (type.tag) {
    case 'Bool':
      return walkBool;
    case 'String':
      return walkString;
    case 'Array':
      return type.value.tag === 'U8' ? walkBytes : walkArray(walkOf(type.value));
    case 'Product':
      return walkProduct(type.value.elements.map((element) => walkOf(element.algebraicType)));
    case 'Sum':
      return walkSum(type.value.variants.map((variant) => walkOf(variant.algebraicType)));
    case 'Ref':
      throw new BsatnFault('a reference was left unresolved');
    default:
      return walkFixed(fixedSizes[type.tag] as number);
  }
}

/** Reads a u32 length. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw new BsatnFault('the value ends too early');
  return (
    (bytes[at] as number) +
    (bytes[at + 1] as number) * 0x100 +
    (bytes[at + 2] as number) * 0x10000 +
    (bytes[at + 3] as number) * 0x1000000
  );
}

function walkFixed(size: number): Walk {
  return (bytes, at) => {
    if (at + size > bytes.length) throw new BsatnFault('the value ends too early');
    return at + size;
  };
}

const walkBool: Walk = (bytes, at) => {
  const value = bytes[at];
  if (value !== 0 && value !== 1) throw new BsatnFault('a bool is neither 0 nor 1');
  return at + 1;
};

const walkBytes: Walk = (bytes, at) => {
  const end = at + 4 + lengthAt(bytes, at);
  if (end > bytes.length) throw new BsatnFault('the value ends too early');
  return end;
};

const walkString: Walk = (bytes, at) => {
  const end = walkBytes(bytes, at);
  if (!isUtf8(bytes.subarray(at + 4, end))) throw new BsatnFault('a string is not UTF-8');
  return end;
};

function walkArray(element: Walk): Walk {
  return (bytes, at) => {
    const count = lengthAt(bytes, at);
    let end = at + 4;
    for (let index = 0; index < count; index += 1) {
      const next = element(bytes, end);
      // Elements without size would let a short value claim billions of them.
      if (next === end && count > 0xffff) throw new BsatnFault('an array has too many elements');
      end = next;
    }
    return end;
  };
}

function walkProduct(elements: readonly Walk[]): Walk {
  return (bytes, at) => {
    let end = at;
    for (const element of elements) end = element(bytes, end);
    return end;
  };
}

function walkSum(variants: readonly Walk[]): Walk {
  return (bytes, at) => {
    const variant = variants[bytes[at] ?? variants.length];
    if (variant === undefined) throw new BsatnFault('a sum has an unknown tag');
    return variant(bytes, at + 1);
  };
}
