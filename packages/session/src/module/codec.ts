import { BinaryReader, BinaryWriter } from 'spacetimedb';

/** What the type builders of `spacetimedb` offer here. */
export interface Codec<Value> {
  serialize(writer: BinaryWriter, value: Value): void;
  deserialize(reader: BinaryReader): Value;
}

/** The BSATN bytes of a value. */
export function encode<Value>(codec: Codec<Value>, value: Value): Uint8Array {
  const writer = new BinaryWriter(128);
  codec.serialize(writer, value);
  return writer.getBuffer();
}

/** The value of BSATN bytes. @throws {RangeError} when they end early or go on. */
export function decode<Value>(codec: Codec<Value>, bytes: Uint8Array): Value {
  const reader = new BinaryReader(bytes);
  const value = codec.deserialize(reader);
  if (reader.remaining > 0) throw new RangeError(`${reader.remaining} bytes left after the value.`);
  return value;
}
