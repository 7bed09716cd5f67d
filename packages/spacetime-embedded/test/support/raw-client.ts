import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { BinaryWriter } from 'spacetimedb';
import WebSocket from 'ws';
import { type Seen, serverMessages } from './server-messages.ts';

/** Encodes client messages by hand, apart from the decoder under test. */
export const clientMessage = {
  subscribe(request: number, set: number, ...queries: readonly string[]): Uint8Array {
    return message(0, request, (w) => {
      w.writeU32(set);
      w.writeU32(queries.length);
      for (const query of queries) w.writeString(query);
    });
  },
  unsubscribe: (request: number, set: number, dropped = true) =>
    message(1, request, (w) => {
      w.writeU32(set);
      w.writeU8(dropped ? 1 : 0);
    }),
  oneOff: (request: number, query: string) => message(2, request, (w) => w.writeString(query)),
  reducer: (request: number, name: string, args: Uint8Array = new Uint8Array()) => call(3, request, name, args),
  procedure: (request: number, name: string, args: Uint8Array = new Uint8Array()) => call(4, request, name, args),
};

function call(tag: number, request: number, name: string, args: Uint8Array): Uint8Array {
  return message(tag, request, (w) => {
    w.writeU8(0);
    w.writeString(name);
    w.writeUInt8Array(args);
  });
}

function message(tag: number, request: number, rest: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter(64);
  writer.writeU8(tag);
  writer.writeU32(request);
  rest(writer);
  return writer.getBuffer().slice();
}

export interface RawOptions {
  readonly token?: string;
  readonly query?: string;
  readonly protocols?: readonly string[];
  readonly autoPong?: boolean;
}

/** A websocket client without any cleverness. */
export class RawClient {
  readonly socket: WebSocket;
  readonly seen: Seen[] = [];
  readonly payloads: Buffer[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The status and body when the upgrade was refused. */
  readonly refused: Promise<{ readonly status: number; readonly body: string }>;
  private waiting: (() => void)[] = [];

  constructor(url: string, { token, query = 'compression=None', protocols, autoPong = true }: RawOptions = {}) {
    this.socket = new WebSocket(
      `${url.replace('http', 'ws')}/v1/database/test-db/subscribe?${query}`,
      protocols === undefined ? ['v3.bsatn.spacetimedb'] : [...protocols],
      { perMessageDeflate: false, autoPong, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } },
    );
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer) => {
      this.payloads.push(data);
      this.seen.push(...serverMessages(inflated(data)));
      for (const wake of this.waiting.splice(0)) wake();
    });
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    this.refused = new Promise((resolve) =>
      this.socket.on('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
          this.socket.terminate();
        });
      }),
    );
  }

  send(...messages: readonly Uint8Array[]): void {
    this.socket.send(Buffer.concat(messages));
  }

  /** The first message of a type that has not been taken yet. */
  async next<Type extends Seen['type']>(type: Type): Promise<Extract<Seen, { type: Type }>> {
    for (;;) {
      const index = this.seen.findIndex((message) => message.type === type);
      const [found] = index === -1 ? [] : this.seen.splice(index, 1);
      if (found !== undefined) return found as Extract<Seen, { type: Type }>;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  close(): void {
    this.socket.terminate();
  }
}

function inflated(data: Buffer): Buffer {
  const body = data.subarray(1);
  if (data[0] === 0) return body;
  return data[0] === 1 ? brotliDecompressSync(body) : gunzipSync(body);
}
