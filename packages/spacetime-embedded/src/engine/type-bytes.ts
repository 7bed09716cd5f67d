import { type AlgebraicType, BinaryWriter } from 'spacetimedb';

/** The tags of the types that hold no others, from 4 on. */
export const scalarTags = [
  'String',
  'Bool',
  'I8',
  'U8',
  'I16',
  'U16',
  'I32',
  'U32',
  'I64',
  'U64',
  'I128',
  'U128',
  'I256',
  'U256',
  'F32',
  'F64',
] as const;

/** A type itself as BSATN. */
export function typeBytes(type: AlgebraicType): Uint8Array {
  const writer = new BinaryWriter(64);
  writeType(writer, type);
  return Uint8Array.from(writer.getBuffer());
}

function writeType(writer: BinaryWriter, type: AlgebraicType): void {
  switch (type.tag) {
    case 'Ref':
      writer.writeU8(0);
      writer.writeU32(type.value);
      return;
    case 'Sum':
      writer.writeU8(1);
      writeMembers(writer, type.value.variants);
      return;
    case 'Product':
      writer.writeU8(2);
      writeMembers(writer, type.value.elements);
      return;
    case 'Array':
      writer.writeU8(3);
      writeType(writer, type.value);
      return;
    default:
      writer.writeU8(4 + scalarTags.indexOf(type.tag));
  }
}

interface Member {
  readonly name?: string | undefined;
  readonly algebraicType: AlgebraicType;
}

function writeMembers(writer: BinaryWriter, members: readonly Member[]): void {
  writer.writeU32(members.length);
  for (const { name, algebraicType } of members) {
    writer.writeU8(name === undefined ? 1 : 0);
    if (name !== undefined) writer.writeString(name);
    writeType(writer, algebraicType);
  }
}
