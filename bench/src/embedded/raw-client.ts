import { BinaryWriter } from 'spacetimedb';
import { WebSocket } from 'ws';

/** How a client is connected to the host. */
export interface ConnectOptions {
  readonly compression?: 'None' | 'Brotli' | 'Gzip';
  /** Whether what comes waits until it is on disk. */
  readonly confirmed?: boolean;
}

/** A websocket that decodes nothing: what is measured is the server. */
export interface RawClient {
  send(message: Uint8Array): void;
  /** Gets the payload of every message that comes. */
  onPayload: (payload: Buffer) => void;
  close(): void;
}

/** Each connection to the host is somebody else's: without a token it gets an identity of its own. */
export async function connectToHost(url: string, options: ConnectOptions = {}): Promise<RawClient> {
  const { compression = 'None', confirmed = false } = options;
  const query = `compression=${compression}&confirmed=${confirmed}`;
  return connectRaw(`${url}?${query}`, ['v3.bsatn.spacetimedb']);
}

/** Resolves when the connection is open and, on the host, when its first message has come. */
export async function connectRaw(url: string, protocols: readonly string[] = []): Promise<RawClient> {
  // The host sends frames of 4096 bytes: a snapshot is many of them.
  const limits = { maxPayload: 0, maxFragments: 0, maxBufferedChunks: 0 };
  const socket = new WebSocket(url, [...protocols], { perMessageDeflate: false, ...limits });
  const client: RawClient = {
    send: (message) => socket.send(message),
    onPayload: () => {},
    close: () => socket.terminate(),
  };
  const ready = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    if (protocols.length === 0) socket.once('open', () => resolve());
    else client.onPayload = () => resolve();
  });
  socket.on('message', (data: Buffer) => client.onPayload(data));
  await ready;
  socket.on('close', () => client.onPayload(Buffer.alloc(0)));
  client.onPayload = () => {};
  return client;
}

/** What a client of the host sends. */
export function callReducer(request: number, name: string, args: (writer: BinaryWriter) => void): Uint8Array {
  return written((writer) => {
    writer.writeU8(3);
    writer.writeU32(request);
    writer.writeU8(0);
    writer.writeString(name);
    writer.writeUInt8Array(written(args));
  });
}

export function subscribe(request: number, set: number, queries: readonly string[]): Uint8Array {
  return written((writer) => {
    writer.writeU8(0);
    writer.writeU32(request);
    writer.writeU32(set);
    writer.writeU32(queries.length);
    for (const query of queries) writer.writeString(query);
  });
}

/** Nobody gets the rows back. */
export function unsubscribe(request: number, set: number): Uint8Array {
  return written((writer) => {
    writer.writeU8(1);
    writer.writeU32(request);
    writer.writeU32(set);
    writer.writeU8(0);
  });
}

function written(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter(128);
  write(writer);
  return writer.getBuffer();
}

/**
 * Bytes of the answer to a reducer that committed, for a client without subscriptions: tag, request, time, outcome, no
 * value, no updates.
 */
const resultBytes = 1 + 4 + 8 + 1 + 4 + 4;
const outcomeAt = 1 + 4 + 8;

/** How many calls a payload says have been committed, for a client without subscriptions. */
export function committedCalls(payload: Buffer): number {
  const body = payload.subarray(1);
  const calls = body.length / resultBytes;
  const isFine = (call: number) => body[call * resultBytes] === 6 && body[call * resultBytes + outcomeAt] === 0;
  for (let call = 0; call < calls; call += 1) {
    if (payload[0] !== 0 || !isFine(call)) throw new Error(`Not the answer to a commit: ${body.toString('latin1')}`);
  }
  if (calls === 0) throw new Error('The connection ended.');
  return calls;
}

/** Resolves with the next payload that comes. */
export function nextPayload(client: RawClient): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.onPayload = (payload) => {
      client.onPayload = () => {};
      if (payload.length > 0) resolve(payload);
      else reject(new Error('The connection ended.'));
    };
  });
}

/** Connects so many clients, some at a time. */
export async function connectMany(count: number, connect: () => Promise<RawClient>): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const some = Math.min(50, count - clients.length);
    clients.push(...(await Promise.all(Array.from({ length: some }, connect))));
  }
  return clients;
}

/**
 * Sends `count` messages with so many under way at a time; resolves when all are answered.
 *
 * @param answers How many answers a payload holds.
 */
export function pipeline(
  client: RawClient,
  count: number,
  window: number,
  message: (n: number) => Uint8Array,
  answers: (payload: Buffer) => number,
): Promise<number> {
  let sent = 0;
  let answered = 0;
  return new Promise((resolve, reject) => {
    client.onPayload = (payload) => {
      try {
        answered += answers(payload);
      } catch (error) {
        reject(error);
      }
      if (answered === count) resolve(answered);
      else fill();
    };
    const fill = () => {
      for (; sent < count && sent - answered < window; sent += 1) client.send(message(sent));
    };
    fill();
  });
}
