import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';

/** Begins every frame, so that frames behind a damaged one can be found again. */
const magic = Buffer.from([0xa7, 0x4c, 0x4f, 0x47]);

/** magic 4, length 4, crc 4, durable 8. */
export const frameHeaderBytes = 20;

/** One checksummed piece of a file. */
export interface Frame {
  readonly payload: Buffer;
  /** The highest offset that was known to be on disk when this frame was made. */
  readonly durable: bigint;
  readonly end: number;
}

export function encodeFrame(payload: Uint8Array, durable: bigint): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  magic.copy(frame, 0);
  frame.writeUInt32LE(payload.length, 4);
  frame.writeBigUInt64LE(durable, 12);
  frame.set(payload, frameHeaderBytes);
  frame.writeUInt32LE(checksum(frame), 8);
  return frame;
}

/** The frame at a position, or undefined when none stands there whole. */
export function readFrame(file: Buffer, at: number): Frame | undefined {
  const end = at + (frameBytesAt(file, at) ?? Number.NaN);
  if (!(end <= file.length)) return undefined;
  const body = at + frameHeaderBytes;
  const frame = file.subarray(at, end);
  if (frame.readUInt32LE(8) !== checksum(frame)) return undefined;
  return { payload: file.subarray(body, end), durable: file.readBigUInt64LE(at + 12), end };
}

/** Bytes of the frame whose header stands at a position; undefined when none does. */
export function frameBytesAt(file: Buffer, at: number): number | undefined {
  if (at + frameHeaderBytes > file.length || magic.compare(file, at, at + 4) !== 0) return undefined;
  return frameHeaderBytes + file.readUInt32LE(at + 4);
}

/** Where a frame may begin, from a position on; -1 when nowhere. */
export function findMagic(file: Buffer, from: number): number {
  return file.indexOf(magic, from);
}

/** Over everything but the magic and the checksum itself. */
function checksum(frame: Buffer): number {
  return crc32(frame.subarray(12), crc32(frame.subarray(4, 8)));
}
