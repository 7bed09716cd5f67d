import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import WebSocket from 'ws';
import { type Seen, serverMessages } from '../../src/conformance/server-messages.ts';

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
