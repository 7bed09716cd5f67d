import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ServerPayload } from '../wire/frame.ts';

/**
 * Writes messages to the stream under a websocket. Frames of a server are the same for everybody, so they are made once
 * and written as they are; `ws` would make them anew for each client.
 */
export class FrameSender {
  private readonly socket: Pick<WebSocket, 'readyState' | 'OPEN'>;
  private readonly stream: Pick<Duplex, 'write'>;
  /** What is left of a large message. The next message may only come when that is gone. */
  private rest: Iterator<Buffer, void> | undefined;

  constructor(socket: Pick<WebSocket, 'readyState' | 'OPEN'>, stream: Pick<Duplex, 'write'>) {
    this.socket = socket;
    this.stream = stream;
  }

  /** `sent` is called when the message has left or cannot leave. A large one must have left before the next is sent. */
  send(payload: ServerPayload, sent: () => void): void {
    this.finish();
    if (!this.isOpen) {
      sent();
      return;
    }
    const chunks = payload.chunks();
    const first = chunks.next();
    const second = chunks.next();
    if (first.done === true || second.done === true) {
      this.stream.write(first.value ?? Buffer.alloc(0), sent);
      return;
    }
    this.rest = chunks;
    this.stream.write(first.value);
    this.pump(second.value, chunks, sent);
  }

  /** Hands over what is left of a large message: whatever is written next comes behind it. */
  finish(): void {
    const { rest } = this;
    this.rest = undefined;
    if (rest === undefined || !this.isOpen) return;
    for (let next = rest.next(); next.done !== true; next = rest.next()) this.stream.write(next.value);
  }

  private get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  private pump(chunk: Buffer, chunks: Iterator<Buffer, void>, sent: () => void): void {
    this.stream.write(chunk, (error) => {
      const isMine = this.rest === chunks;
      const next = isMine && !error && this.isOpen ? chunks.next() : undefined;
      if (next !== undefined && next.done !== true) {
        this.pump(next.value, chunks, sent);
        return;
      }
      if (isMine) this.rest = undefined;
      sent();
    });
  }
}
