import type { BinaryReader } from 'spacetimedb';
import { BsatnReader } from './bsatn-reader.ts';

/** What reading a message takes: a {@link BsatnReader}, or a `BinaryReader` of `spacetimedb`. */
export type MessageReader = Pick<
  BinaryReader,
  | 'remaining'
  | 'readU8'
  | 'readU16'
  | 'readU32'
  | 'readU64'
  | 'readI64'
  | 'readU128'
  | 'readU256'
  | 'readBytes'
  | 'readString'
>;

/** A text that is likely to be the same as before. */
export function readName(reader: MessageReader): string {
  return reader instanceof BsatnReader ? reader.readName() : reader.readString();
}
