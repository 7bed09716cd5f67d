import { BinaryReader, BinaryWriter } from 'spacetimedb';
import { withScratch } from '../scratch-writer.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes that are not the message they should be. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/**
 * The public BSATN reader with the checks that a server needs against a stranger's bytes: lengths that reach beyond the
 * end and text that is not UTF-8 are refused.
 */
export class WireReader {
  private readonly reader: BinaryReader;

  constructor(bytes: Uint8Array) {
    this.reader = new BinaryReader(bytes);
  }

  get remaining(): number {
    return this.reader.remaining;
  }

  u8(): number {
    this.need(1);
    return this.reader.readU8();
  }

  u32(): number {
    this.need(4);
    return this.reader.readU32();
  }

  /** A view over the input, not a copy. */
  bytes(): Uint8Array {
    const length = this.u32();
    this.need(length);
    return this.reader.readBytes(length);
  }

  string(): string {
    try {
      return strictUtf8.decode(this.bytes());
    } catch (cause) {
      if (cause instanceof MalformedMessage) throw cause;
      throw new MalformedMessage('a string is not UTF-8');
    }
  }

  private need(length: number): void {
    if (length > this.reader.remaining) {
      throw new MalformedMessage(`${length} bytes are announced, ${this.reader.remaining} are left`);
    }
  }
}

/** What is to be larger than this is written where it stays. */
const largestCopied = 4096;

/** Writes with the public BSATN writer and gives the bytes. */
export function written(write: (writer: BinaryWriter) => void, sizeHint = 256): Uint8Array {
  if (sizeHint <= largestCopied) return withScratch(write, (bytes) => Buffer.from(bytes));
  const writer = new BinaryWriter(sizeHint);
  write(writer);
  return writer.getBuffer();
}
