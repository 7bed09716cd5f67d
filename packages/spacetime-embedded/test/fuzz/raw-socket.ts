import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

/** How a websocket ended: the code of its close frame, or 1006 without one. */
export interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** What a {@link RawSocket} does with what it gets. */
export interface RawHandlers {
  /** A whole message, without its compression. */
  body(body: Buffer): void;
  ended(ending: Ending): void;
}

/** What a websocket is opened with. */
export interface RawOptions {
  readonly port: number;
  readonly database: string;
  readonly query: string;
  readonly token: string;
  readonly protocol: string;
}

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/**
 * A websocket client that can break every rule: it writes its frames itself. Pings are answered, so that the host does
 * not take it for dead.
 */
export class RawSocket {
  private readonly stream: Socket;
  private readonly handlers: RawHandlers;
  private input: Buffer = Buffer.alloc(0);
  private message: Buffer[] = [];
  private isOpen = false;
  private ending: Ending | undefined;
  private ended = false;
  private readonly opened: () => void;
  private readonly refused: (error: Error) => void;

  private constructor(options: RawOptions, handlers: RawHandlers, opened: () => void, refused: (error: Error) => void) {
    this.handlers = handlers;
    this.opened = opened;
    this.refused = refused;
    this.stream = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    this.stream.on('data', (data) => this.received(data));
    // A host that drops it may do so while it writes.
    this.stream.on('error', () => this.stream.destroy());
    this.stream.on('close', () => this.finish());
    this.stream.write(
      `GET /v1/database/${options.database}/subscribe?${options.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
        `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: ${options.protocol}\r\n` +
        `Authorization: Bearer ${options.token}\r\n\r\n`,
    );
  }

  /** Connects; rejects when the upgrade is refused. */
  static open(options: RawOptions, handlers: RawHandlers): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket: RawSocket = new RawSocket(options, handlers, () => resolve(socket), reject);
    });
  }

  write(bytes: Uint8Array): void {
    if (!this.stream.destroyed) this.stream.write(bytes);
  }

  /** Ends without a word. */
  destroy(): void {
    this.stream.destroy();
  }

  private received(data: Buffer): void {
    this.input = this.input.length === 0 ? data : Buffer.concat([this.input, data]);
    if (!this.isOpen && !this.open()) return;
    while (this.frame());
  }

  private open(): boolean {
    const end = this.input.indexOf('\r\n\r\n');
    if (end === -1) return false;
    const head = this.input.subarray(0, end).toString('latin1');
    if (!head.startsWith('HTTP/1.1 101 ')) {
      this.refused(new Error(`The upgrade was refused: ${head}`));
      this.stream.destroy();
      return false;
    }
    this.input = this.input.subarray(end + 4);
    this.isOpen = true;
    this.opened();
    return true;
  }

  /** Takes one frame of the host; false when it is not there yet. */
  private frame(): boolean {
    const [first = 0, second = 0] = this.input;
    const short = second & 127;
    const header = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (this.input.length < header) return false;
    const length =
      short === 126 ? this.input.readUInt16BE(2) : short === 127 ? Number(this.input.readBigUInt64BE(2)) : short;
    if (this.input.length < header + length) return false;
    const payload = this.input.subarray(header, header + length);
    this.input = this.input.subarray(header + length);
    const kind = first & 15;
    if (kind === opcode.ping) this.write(clientFrame(opcode.pong, payload));
    else if (kind === opcode.close) {
      const code = payload.length < 2 ? 1005 : payload.readUInt16BE(0);
      this.ending = { code, reason: payload.subarray(2).toString() };
      this.stream.destroy();
    } else if (kind !== opcode.pong) {
      this.message.push(Buffer.from(payload));
      if ((first & 128) === 0) return true;
      const whole = Buffer.concat(this.message);
      this.message = [];
      this.handlers.body(inflated(whole));
    }
    return !this.stream.destroyed;
  }

  private finish(): void {
    if (this.ended) return;
    this.ended = true;
    if (!this.isOpen) this.refused(new Error('The host hung up before the upgrade.'));
    this.handlers.ended(this.ending ?? { code: 1006, reason: '' });
  }
}

/** How a frame may differ from what it should be. */
export interface FrameOptions {
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  /** Bits that no extension has asked for. */
  readonly reserved?: number;
  /** The length that is announced in place of the real one. */
  readonly announced?: number;
}

/** A frame as a client writes it, masked by zeros unless it is not masked at all. */
export function clientFrame(kind: number, payload: Uint8Array, options: FrameOptions = {}): Buffer {
  const { isLast = true, isMasked = true, reserved = 0, announced = payload.length } = options;
  const header = [(isLast ? 128 : 0) | (reserved << 4) | kind];
  const mask = isMasked ? 128 : 0;
  if (announced < 126) header.push(mask | announced);
  else if (announced < 65_536) header.push(mask | 126, announced >> 8, announced & 255);
  else {
    const long = Buffer.alloc(8);
    long.writeBigUInt64BE(BigInt(announced));
    header.push(mask | 127, ...long);
  }
  // The key of the mask is the client's choice: with zeros the payload stands as it is.
  if (isMasked) header.push(0, 0, 0, 0);
  return Buffer.concat([Buffer.from(header), payload]);
}

function inflated(payload: Buffer): Buffer {
  const body = payload.subarray(1);
  if (payload[0] === 0) return body;
  return payload[0] === 1 ? brotliDecompressSync(body) : gunzipSync(body);
}
