/** Messages as a server puts them on a websocket, one after the other: each one frame, final, not masked (RFC 6455, 5.2). */
export function serverFrames(messages: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const payload = Buffer.from(message as string);
      return [header(typeof message === 'string' ? 0x81 : 0x82, payload.length), payload];
    }),
  );
}

function header(first: number, length: number): Buffer {
  if (length < 126) return Buffer.of(first, length);
  if (length < 1 << 16) {
    const bytes = Buffer.of(first, 126, 0, 0);
    bytes.writeUInt16BE(length, 2);
    return bytes;
  }
  const bytes = Buffer.alloc(10);
  bytes.set([first, 127]);
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}
