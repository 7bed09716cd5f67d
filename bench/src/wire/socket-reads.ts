/** What Node reads from a socket at once. */
const readBytes = 64 * 1024;

/**
 * The same frames as `ws` hands them over: small ones as views of what was read from the socket at once, large ones in
 * memory of their own. The official client gets a copy of each from its own transport, so there every frame has memory
 * of its own.
 */
export function asSocketReads(frames: readonly Uint8Array[]): Uint8Array[] {
  let memory = Buffer.allocUnsafeSlow(readBytes);
  let at = 0;
  return frames.map((frame) => {
    if (frame.length > readBytes) return Buffer.from(frame.buffer, frame.byteOffset, frame.length);
    if (at + frame.length > readBytes) {
      memory = Buffer.allocUnsafeSlow(readBytes);
      at = 0;
    }
    const start = at;
    at += frame.length;
    memory.set(frame, start);
    return memory.subarray(start, at);
  });
}
