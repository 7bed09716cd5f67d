/** Time. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back, and goes on while the machine sleeps where the OS can. */
  monotonic(): number;
}

/** Chance. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number;
  /** Bytes fit for keys and nonces. */
  bytes(length: number): Uint8Array;
}

/** Takes back what was scheduled; calling it late or twice does nothing. */
export type Cancel = () => void;

/** Later. */
export interface Scheduler {
  /** Runs `task` once, not before `milliseconds` have gone by. */
  after(milliseconds: number, task: () => void): Cancel;
}

/** Clock, chance and timers together: what nearly every part needs. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
}

/** One websocket to open. */
export interface SocketRequest {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/** What a socket reports. After `closed` or `refused` nothing more is reported. */
export interface SocketHandlers {
  opened(protocol: string): void;
  message(data: Uint8Array): void;
  /** A ping or pong of the peer: proof of life without data. */
  alive(): void;
  /** The upgrade was answered by an HTTP status instead; `retryAfterMs` is its Retry-After, when it had one. */
  refused(status: number, body: string, retryAfterMs?: number): void;
  /** `code` is 1006 when the socket went away without a close frame. */
  closed(code: number, reason: string): void;
}

/** An open or opening websocket. */
export interface Socket {
  /** Sends bytes as a binary frame, a string as a text frame. */
  send(data: Uint8Array | string): void;
  /** Bytes accepted by `send` that have not left yet. */
  readonly bufferedBytes: number;
  close(code?: number, reason?: string): void;
  /** Drops the connection without a handshake. */
  terminate(): void;
}

/** Opens websockets. */
export type SocketFactory = (request: SocketRequest, handlers: SocketHandlers) => Socket;

/** One HTTP request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

/** The answer to an HTTP request, read to its end. */
export interface HttpResponse {
  readonly status: number;
  /** Lowercase names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends HTTP requests; rejects when no answer came. */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>;
