import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Scheduler } from '@autopilot/sync-contract';
import WebSocket from 'ws';
import { Difference, shown } from './expectation.ts';
import { type Seen, serverMessages } from './server-messages.ts';

/** How a connection is opened. */
export interface SocketOptions {
  readonly token?: string;
  /** The query string; by default nothing is compressed. */
  readonly query?: string;
  readonly protocols?: readonly string[];
}

/** Milliseconds that a case waits for what must come. */
export const patience = 10_000;

/** A websocket client without any cleverness. */
export class SocketClient {
  readonly socket: WebSocket;
  /** Messages that have not been taken yet. */
  readonly seen: Seen[] = [];
  /** Payloads as they came, the tag of the compression first. */
  readonly payloads: Buffer[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The status and body when the upgrade was refused. */
  readonly refused: Promise<{ readonly status: number; readonly body: string }>;
  private readonly scheduler: Scheduler;
  private waiting: (() => void)[] = [];
  private end: { readonly code: number; readonly reason: string } | undefined;

  constructor(url: string, scheduler: Scheduler, options: SocketOptions = {}) {
    const { token, query = 'compression=None', protocols = ['v3.bsatn.spacetimedb'] } = options;
    this.scheduler = scheduler;
    this.socket = new WebSocket(`${url.replace(/^http/, 'ws')}/subscribe?${query}`, [...protocols], {
      perMessageDeflate: false,
      maxPayload: 1 << 30,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer) => {
      this.payloads.push(data);
      this.seen.push(...serverMessages(inflated(data)));
      this.wake();
    });
    this.closed = new Promise((resolve) =>
      this.socket.on('close', (code, reason) => {
        this.end = { code, reason: reason.toString() };
        resolve(this.end);
        this.wake();
      }),
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

  /** Sends messages in one payload. */
  send(...messages: readonly Uint8Array[]): void {
    this.socket.send(Buffer.concat(messages));
  }

  /** Takes the first message of a type. @throws {Difference} when none comes, or the connection ends before it. */
  async next<Type extends Seen['type']>(type: Type): Promise<Extract<Seen, { type: Type }>> {
    for (;;) {
      const index = this.seen.findIndex((message) => message.type === type);
      const [found] = index === -1 ? [] : this.seen.splice(index, 1);
      if (found !== undefined) return found as Extract<Seen, { type: Type }>;
      if (this.end !== undefined) throw new Difference(`the connection ended before ${type}: ${shown(this.end)}`);
      await this.news(`${type} did not come`);
    }
  }

  /** Takes the first message, whatever it is. @throws {Difference} as {@link next} */
  async any(): Promise<Seen> {
    for (;;) {
      const found = this.seen.shift();
      if (found !== undefined) return found;
      if (this.end !== undefined) throw new Difference(`the connection ended: ${shown(this.end)}`);
      await this.news('no message came');
    }
  }

  /** How the connection ends. @throws {Difference} when it does not. */
  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    while (this.end === undefined) await this.news('the connection did not end');
    return this.end;
  }

  /** How the upgrade is refused. @throws {Difference} when it is not. */
  refusal(): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const cancel = this.scheduler.after(patience, () => reject(new Difference('the upgrade was not answered')));
      const settle = (run: () => void) => {
        cancel();
        run();
      };
      void this.refused.then((answer) => settle(() => resolve(answer)));
      this.socket.once('open', () => settle(() => reject(new Difference('the upgrade was accepted'))));
    });
  }

  close(): void {
    this.socket.terminate();
  }

  private news(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.scheduler.after(patience, () => reject(new Difference(`${what} in ${patience} ms`)));
      this.waiting.push(() => {
        cancel();
        resolve();
      });
    });
  }

  private wake(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }
}

function inflated(data: Buffer): Buffer {
  const body = data.subarray(1);
  if (data[0] === 0) return body;
  return data[0] === 1 ? brotliDecompressSync(body) : gunzipSync(body);
}
